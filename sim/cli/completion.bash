# Completion of smh for bash. The names of engines and policies come from the program itself.
_smh() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]}
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "run compare check list record from-fuzz cache --help --version" -- "$word"))
        return
    fi
    case $before in
    -e | --engine) COMPREPLY=($(compgen -W "all as_written $("${COMP_WORDS[0]}" list engines | cut -d' ' -f1)" -- "$word")) ;;
    -p | --policy) COMPREPLY=($(compgen -W "all $("${COMP_WORDS[0]}" list policies | cut -d' ' -f1)" -- "$word")) ;;
    --checks) COMPREPLY=($(compgen -W "none contents all" -- "$word")) ;;
    list) COMPREPLY=($(compgen -W "engines policies scenarios keys" -- "$word")) ;;
    *)
        if [[ $word == -* ]]; then
            COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "$command" --help | grep -oE -- '--[a-z-]+')" -- "$word"))
        else
            COMPREPLY=($(compgen -f -- "$word"))
        fi
        ;;
    esac
}
complete -F _smh smh

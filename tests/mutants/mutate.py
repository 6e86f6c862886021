"""Mutants of one C file, all in one text: every place is `(SMH_MUTANT(k) ? changed : (as it was))`.

Owns: the operators (relation, arithmetic, constant, condition, deleted statement, && and ||, removed
! ~ -, returned value, swapped arguments; apart from these, exchanged names), found on clang's syntax
tree, and the rewritten text.

    units > more   ->   (SMH_MUTANT(7) ? (units >= more) : SMH_MUTANT(8) ? (units <= more) : (units > more))

So a file is compiled once for all its mutants. Invariants: lines keep their numbers; without an
active mutant the text means what it meant. What the preprocessor makes (macro bodies) is left as it
is; a macro that stands for a constant counts as one.
"""
import re
from dataclasses import dataclass, field

from clang import cindex
from clang.cindex import CursorKind as Kind
from clang.cindex import TypeKind

RELATION = {
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
    "==": ("!=",), "!=": ("==",),
}
ARITHMETIC = {
    "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",), "%": ("*",), "<<": (">>",), ">>": ("<<",),
    "&": ("|",), "|": ("&",), "^": ("|",),
}
COMPOUND = {
    "+=": ("-=",), "-=": ("+=",), "*=": ("/=",), "/=": ("*=",), "<<=": (">>=",), ">>=": ("<<=",),
    "&=": ("|=",), "|=": ("&=",), "^=": ("|=",), "%=": ("/=",),
}
LOGICAL = {"&&": "||", "||": "&&"}
INTEGERS = {
    TypeKind.BOOL, TypeKind.CHAR_U, TypeKind.UCHAR, TypeKind.USHORT, TypeKind.UINT, TypeKind.ULONG,
    TypeKind.ULONGLONG, TypeKind.CHAR_S, TypeKind.SCHAR, TypeKind.SHORT, TypeKind.INT, TypeKind.LONG,
    TypeKind.LONGLONG, TypeKind.ENUM,
}
# Whose arguments may be swapped without a change: of these, the product counts, equality, or the larger.
SYMMETRIC = {"calloc", "smh_must_allocate", "smh_must_resize", "smh_same_text", "smh_product", "multiply",
             "memcmp", "smh_buddy_order_aligned"}
TRANSPARENT = re.compile(r"(?<!#define )\bSMH_BITS_(?:UN)?LIKELY(?=\()")


@dataclass
class Mutant:
    number: int
    operator: str
    function: str
    line: int
    before: str   # the line or lines of the place, white space made even
    after: str
    start: int    # of the place, in the original text
    end: int
    changed: str


@dataclass
class Place:
    start: int
    end: int
    statement: bool
    order: int
    mutants: list = field(default_factory=list)


class Mutator:
    def __init__(self, path, arguments, names=False):
        """names: variables and fields take each other's places, and nothing else changes."""
        with open(path, encoding="utf-8") as file:
            original = file.read()
        # Hints to the compiler are taken away, keeping columns, so that conditions inside are seen.
        self.text = TRANSPARENT.sub(lambda found: " " * len(found.group()), original)
        self.raw = self.text.encode()
        assert len(self.raw) == len(self.text), f"{path} is not ASCII"
        self.path = path
        options = cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD
        self.unit = cindex.Index.create().parse(path, args=arguments, options=options,
                                                unsaved_files=[(path, self.text)])
        errors = [d for d in self.unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
        assert not errors, errors[0]
        self.macros = {}
        self.definitions = []
        for cursor in self.unit.cursor.get_children():
            if cursor.location.file is None or cursor.location.file.name != path:
                continue
            span = (cursor.extent.start.offset, cursor.extent.end.offset)
            if cursor.kind == Kind.MACRO_INSTANTIATION:
                self.macros[span[0]] = span[1]
        self.places = {}
        self.extremes = set()
        self.names = names
        self.written = set()  # spans that are assigned to
        self.locals = []  # (declaration, the block it lives in), with a value
        self.unset = {}  # those without one so far, by name
        self.blocks = []
        self.order = 0
        self.function = None
        self.result = None
        self.count = 0

    # --- the tree ---------------------------------------------------------------------------------

    def mutants(self):
        for cursor in self.unit.cursor.get_children():
            if (cursor.kind == Kind.FUNCTION_DECL and cursor.is_definition()
                    and cursor.location.file.name == self.path):
                self.function = cursor.spelling
                self.result = cursor.result_type.get_canonical()
                self.unset = {}
                self.locals = [(c, self.span(cursor)) for c in cursor.get_arguments()]
                for child in cursor.get_children():
                    if child.kind == Kind.COMPOUND_STMT:
                        self.visit(child)
        return [mutant for place in self.places.values() for mutant in place.mutants]

    def span(self, cursor):
        return cursor.extent.start.offset, cursor.extent.end.offset

    def source(self, start, end):
        text = re.sub(r"/\*.*?\*/", " ", self.text[start:end], flags=re.S)
        return re.sub(r"\s+", " ", text)

    def in_macro(self, span):
        """Whether the span is a macro, or inside the arguments of one."""
        for start, end in self.macros.items():
            if start <= span[0] and span[1] <= end and not (span == (start, end) and
                                                            "(" not in self.text[start:end]):
                return True
        return False

    def add(self, cursor_span, operator, changed, statement=False):
        if self.names != (operator == "name"):
            return
        start, end = cursor_span
        key = (start, end, statement)
        if key not in self.places:
            self.order += 1
            self.places[key] = Place(start, end, statement, self.order)
        place = self.places[key]
        changed = changed.strip()
        if any(m.changed == changed for m in place.mutants):
            return
        if not statement and changed == self.source(start, end):
            return
        self.count += 1
        first = self.text.rfind("\n", 0, start) + 1
        last = self.text.find("\n", end)
        before = self.source(first, last).strip()
        after = (self.source(first, start) + changed + self.source(end, last)).strip()
        place.mutants.append(Mutant(self.count, operator, self.function,
                                    self.text.count("\n", 0, start) + 1, before,
                                    re.sub(r"\s+", " ", after), start, end, changed))

    def operator_between(self, left, right):
        text = re.sub(r"/\*.*?\*/", " ", self.text[self.span(left)[1]:self.span(right)[0]], flags=re.S)
        return text.strip().strip("()").strip()

    def visit(self, cursor):
        kind = cursor.kind
        span = self.span(cursor)
        if kind == Kind.CXX_UNARY_EXPR or (kind.is_expression() and self.in_macro(span)):
            return  # sizeof; what a macro made
        if self.names:
            if "ASM" in kind.name or kind == Kind.CSTYLE_CAST_EXPR and cursor.type.kind == TypeKind.VOID:
                return
            self.exchange(cursor, kind)
        handler = {
            Kind.BINARY_OPERATOR: self.binary,
            Kind.COMPOUND_ASSIGNMENT_OPERATOR: self.compound_assignment,
            Kind.UNARY_OPERATOR: self.unary,
            Kind.CALL_EXPR: self.call,
            Kind.INTEGER_LITERAL: self.constant,
            Kind.DECL_REF_EXPR: self.reference,
            Kind.RETURN_STMT: self.returned,
            Kind.IF_STMT: self.condition_first,
            Kind.WHILE_STMT: self.loop_condition_first,
            Kind.DO_STMT: self.loop_condition_last,
            Kind.FOR_STMT: self.loop_for,
            Kind.CONDITIONAL_OPERATOR: self.condition_first,
        }.get(kind)
        if handler is not None:
            handler(cursor, list(cursor.get_children()))
        if kind == Kind.COMPOUND_STMT:
            for child in cursor.get_children():
                self.statement(child)
        if kind in (Kind.COMPOUND_STMT, Kind.FOR_STMT):
            self.blocks.append(span)
            self.descend(cursor)
            self.blocks.pop()
        else:
            self.descend(cursor)

    def descend(self, cursor):
        children = list(cursor.get_children())
        if cursor.kind == Kind.CASE_STMT:
            children = children[1:]
            for child in children:
                self.statement(child)
        elif cursor.kind == Kind.DEFAULT_STMT:
            for child in children:
                self.statement(child)
        elif cursor.kind == Kind.VAR_DECL:
            static = cursor.storage_class == cindex.StorageClass.STATIC
            equals = self.text.find("=", *self.span(cursor))
            children = [c for c in children
                        if not static and equals >= 0 and self.span(c)[0] > equals]
        elif cursor.kind in (Kind.ENUM_DECL, Kind.STATIC_ASSERT, Kind.TYPEDEF_DECL, Kind.STRUCT_DECL):
            return
        for child in children:
            self.visit(child)

    # --- operators --------------------------------------------------------------------------------

    def statement(self, cursor):
        deletable = {Kind.CALL_EXPR, Kind.COMPOUND_ASSIGNMENT_OPERATOR, Kind.BINARY_OPERATOR,
                     Kind.UNARY_OPERATOR, Kind.BREAK_STMT, Kind.CONTINUE_STMT}
        if cursor.kind == Kind.CSTYLE_CAST_EXPR:
            inner = [c for c in cursor.get_children() if c.kind == Kind.CALL_EXPR]
            if not inner:
                return
        elif cursor.kind == Kind.RETURN_STMT:
            if list(cursor.get_children()):
                return
        elif cursor.kind not in deletable:
            return
        start, end = self.span(cursor)
        semicolon = re.compile(r"\s*;").match(self.text, end)
        if semicolon:
            self.add((start, semicolon.end()), "statement", "/* deleted */;", statement=True)

    def unsigned_zero(self, left, right):
        kind = left.type.get_canonical().kind
        unsigned = kind in (TypeKind.UCHAR, TypeKind.USHORT, TypeKind.UINT, TypeKind.ULONG,
                            TypeKind.ULONGLONG, TypeKind.POINTER, TypeKind.BOOL)
        return unsigned and self.source(*self.span(right)).rstrip("uUlL") in ("0", "NULL")

    def binary(self, cursor, children):
        left, right = children
        operator = self.operator_between(left, right)
        if operator not in RELATION and operator not in ARITHMETIC and operator not in LOGICAL:
            return
        span = self.span(cursor)
        texts = (self.source(*self.span(left)), self.source(*self.span(right)))
        # Brackets around an operand belong to no operand of clang's; take them from the text.
        between = self.text[self.span(left)[1]:self.span(right)[0]]
        if "(" in between or ")" in between:
            return
        if operator in LOGICAL:
            self.add(span, "logical", f"({texts[0]} {LOGICAL[operator]} {texts[1]})")
            self.add(span, "dropped", f"({texts[0]})")
            self.add(span, "dropped", f"({texts[1]})")
            return
        others = RELATION.get(operator) or ARITHMETIC[operator]
        if span in self.extremes:
            others = others[1:]
        for other in others:
            # Without a sign, > 0 is != 0, and the other two are always or never true.
            if operator in RELATION and self.unsigned_zero(left, right):
                other = {">": "==", "!=": "=="}.get(operator, "!=")
            self.add(span, "relation" if operator in RELATION else "arithmetic",
                     f"({texts[0]} {other} {texts[1]})")
        if operator in ("==", "!=") and not self.unsigned_zero(left, right):
            kind = left.type.get_canonical().kind
            # Of a code (0 or below) and of a character, both others say what == and != say.
            code = kind == TypeKind.INT and texts[1] == "0" or right.kind == Kind.CHARACTER_LITERAL
            if kind in INTEGERS and kind != TypeKind.BOOL and not code:
                # Enumerators have names, no order; nothing is above the largest number.
                if kind == TypeKind.ENUM or self.is_enumerator(right):
                    return
                top = re.fullmatch(r"SMH_\w+_NONE|SMH_ATTR_ANY|U?INT\w*_MAX|SIZE_MAX|SMH_CONTENTS_SAME", texts[1])
                others = ("<=", ">=") if operator == "==" else ("<", ">")
                for other in others:
                    if top and other in (">=", "<"):
                        continue
                    self.add(span, "relation", f"({texts[0]} {other} {texts[1]})")

    @staticmethod
    def is_enumerator(cursor):
        while cursor.kind == Kind.UNEXPOSED_EXPR:
            cursor = next(cursor.get_children())
        return (cursor.kind == Kind.DECL_REF_EXPR and cursor.referenced is not None
                and cursor.referenced.kind == Kind.ENUM_CONSTANT_DECL)

    def compound_assignment(self, cursor, children):
        left, right = children
        operator = self.operator_between(left, right)
        for other in COMPOUND.get(operator, ()):
            self.add(self.span(cursor), "arithmetic",
                     f"({self.source(*self.span(left))} {other} {self.source(*self.span(right))})")

    def unary(self, cursor, children):
        start, end = self.span(cursor)
        inner = self.span(children[0])
        operator = (self.text[start:inner[0]] or self.text[inner[1]:end]).strip()
        operand = self.source(*inner)
        if operator in ("!", "~"):
            self.add((start, end), "removed", f"({operand})")
        elif operator == "-":
            self.add((start, end), "removed", f"({operand})")
        elif operator in ("++", "--"):
            other = "--" if operator == "++" else "++"
            self.add((start, end), "arithmetic",
                     f"({other}{operand})" if inner[0] > start else f"({operand}{other})")

    def call(self, cursor, children):
        arguments = list(cursor.get_arguments())
        if len(children) < 1 or cursor.spelling in SYMMETRIC or any(a.kind == Kind.STRING_LITERAL for a in arguments):
            return
        spans = [self.span(a) for a in arguments]
        callee = children[0].type.get_canonical()
        callee = callee.get_pointee() if callee.kind == TypeKind.POINTER else callee
        if callee.kind != TypeKind.FUNCTIONPROTO:
            return
        declared = [t.get_canonical() for t in callee.argument_types()]
        for i in range(len(declared) - 1):
            for j in range(i + 1, len(declared)):
                if self.kind_of(declared[i]) != self.kind_of(declared[j]):
                    continue
                if self.source(*spans[i]) == self.source(*spans[j]):
                    continue
                start, end = self.span(cursor)
                self.add((start, end), "arguments",
                         self.source(start, spans[i][0]) + self.source(*spans[j]) +
                         self.source(spans[i][1], spans[j][0]) + self.source(*spans[i]) +
                         self.source(spans[j][1], end))

    @staticmethod
    def kind_of(declared):
        return "integer" if declared.kind in INTEGERS else declared.spelling.replace("const ", "")

    def constant(self, cursor, _children):
        span = self.span(cursor)
        text = self.source(*span)
        before = self.text[:span[0]].rstrip()
        if before.endswith("[") and self.text[span[1]:].lstrip().startswith("] ="):
            return  # a designator
        if text in ("true", "false"):
            self.add(span, "constant", "false" if text == "true" else "true")
            return
        if text in ("NULL",) or text.startswith("__ATOMIC_"):
            return  # an order has no neighbours; that it suffices, ThreadSanitizer is asked
        self.neighbours(span, text)

    def neighbours(self, span, text):
        digits = re.fullmatch(r"(0[xX][0-9a-fA-F]+|[0-9]+)([uUlL]*)", text)
        if digits is None:
            self.add(span, "constant", f"({text} + 1)")
            self.add(span, "constant", f"({text} - 1)")
            return
        value, suffix = int(digits.group(1), 0), digits.group(2)
        self.add(span, "constant", f"{value + 1}{suffix}")
        if value > 0:
            self.add(span, "constant", f"{value - 1}{suffix}")
        if value > 1:
            self.add(span, "constant", f"0{suffix}")

    def reference(self, cursor, _children):
        declared = cursor.referenced
        if declared is not None and declared.kind == Kind.ENUM_CONSTANT_DECL:
            self.add(self.span(cursor), "constant", f"({self.source(*self.span(cursor))} + 1)")

    def exchange(self, cursor, kind):
        """Notes what is declared and assigned to; what is read takes the name of two like it."""
        children = list(cursor.get_children())
        span = self.span(cursor)
        if kind == Kind.VAR_DECL and cursor.storage_class != cindex.StorageClass.STATIC:
            block = self.blocks[-1]
            if any(c.kind.is_expression() for c in children):
                self.locals.append((cursor, block))
            else:
                self.unset[cursor.spelling] = (cursor, block)
        elif kind == Kind.COMPOUND_ASSIGNMENT_OPERATOR or (
                kind == Kind.BINARY_OPERATOR and self.operator_between(*children) == "="):
            target = self.span(children[0])
            self.written.add(target)
            if self.source(*target) in self.unset:
                self.locals.append(self.unset.pop(self.source(*target)))
        elif kind == Kind.UNARY_OPERATOR:
            inner = self.span(children[0])
            if (self.text[span[0]:inner[0]] or self.text[inner[1]:span[1]]).strip() in ("&", "++", "--"):
                self.written.add(inner)
        elif kind not in (Kind.DECL_REF_EXPR, Kind.MEMBER_REF_EXPR) or span in self.written \
                or cursor.referenced is None:
            return
        declared = cursor.referenced
        if kind == Kind.DECL_REF_EXPR and declared.kind in (Kind.VAR_DECL, Kind.PARM_DECL):
            alike = [c.spelling for c, block in self.locals
                     if self.type_of(c) == self.type_of(declared) and c.spelling != declared.spelling
                     and c.extent.end.offset < span[0] and block[0] <= span[0] <= block[1]]
            for other in alike[-2:]:
                self.add(span, "name", other)
        elif kind == Kind.MEMBER_REF_EXPR and declared.kind == Kind.FIELD_DECL:
            fields = [c.spelling for c in declared.semantic_parent.get_children()
                      if c.kind == Kind.FIELD_DECL and self.type_of(c) == self.type_of(declared)]
            at = fields.index(declared.spelling)
            for other in (fields[(at + 1) % len(fields)], fields[at - 1]):
                if other != declared.spelling:
                    self.add(span, "name", self.source(span[0], span[1] - len(declared.spelling)) + other)

    @staticmethod
    def type_of(declared):
        return declared.type.get_canonical().spelling.replace("const ", "")

    def truth(self, cursor, values):
        span = self.span(cursor)
        if self.in_macro(span) or cursor.kind in (Kind.INTEGER_LITERAL,):
            return
        for value in values:
            self.add(span, "condition", value)

    def condition_first(self, cursor, children):
        self.truth(children[0], ("true", "false"))
        if cursor.kind == Kind.CONDITIONAL_OPERATOR and children[0].kind == Kind.BINARY_OPERATOR:
            sides = [self.source(*self.span(c)) for c in children[0].get_children()]
            values = [self.source(*self.span(c)) for c in children[1:3]]
            if sorted(sides) == sorted(values):
                # The larger or the smaller of two: equal ones are either.
                self.extremes.add(self.span(children[0]))

        if cursor.kind == Kind.IF_STMT and children[0].kind == Kind.BINARY_OPERATOR \
                and len(children) == 2:
            sides = [self.source(*self.span(c)) for c in children[0].get_children()]
            body = self.source(*self.span(children[1])).strip("{} ")
            if body in (f"{sides[0]} = {sides[1]};", f"{sides[1]} = {sides[0]};"):
                self.extremes.add(self.span(children[0]))

    def loop_condition_first(self, _cursor, children):
        self.truth(children[0], ("false",))

    def loop_condition_last(self, _cursor, children):
        self.truth(children[-1], ("false",))

    def loop_for(self, cursor, children):
        start, _ = self.span(cursor)
        semicolons = []
        depth = 0
        for at in range(self.text.index("(", start), self.span(children[-1])[0]):
            depth += {"(": 1, ")": -1}.get(self.text[at], 0)
            if self.text[at] == ";" and depth == 1:
                semicolons.append(at)
        for child in children[:-1]:
            span = self.span(child)
            if len(semicolons) == 2 and semicolons[0] < span[0] and span[1] <= semicolons[1]:
                self.truth(child, ("false",))

    def returned(self, _cursor, children):
        if not children:
            return
        span = self.span(children[0])
        text = self.source(*span)
        kind = self.result.kind
        if self.in_macro(span):
            return
        if kind == TypeKind.BOOL:
            if text not in ("true", "false"):
                self.add(span, "returned", "false")
                self.add(span, "returned", "true")
        elif kind == TypeKind.POINTER:
            if text != "NULL":
                self.add(span, "returned", "NULL")
        elif kind in INTEGERS:
            if text.rstrip("uUlL") != "0":
                self.add(span, "returned", "0")

    # --- the text ---------------------------------------------------------------------------------

    def rewritten(self, dropped=frozenset()):
        """The text with all mutants but the dropped ones, and where each lies in it."""
        inserts = []
        for place in self.places.values():
            mutants = [m for m in place.mutants if m.number not in dropped]
            if not mutants:
                continue
            if place.statement:
                prefix = [("{ if (!SMH_MUTANT(%d)) { " % mutants[0].number, mutants[0])]
                suffix = " } }"
            else:
                prefix = [("(", None)]
                for mutant in mutants:
                    prefix.append((f"SMH_MUTANT({mutant.number}) ? ({mutant.changed}) : ", mutant))
                prefix.append(("(", None))
                suffix = "))"
            inserts.append((place.start, 1, place.order, prefix))
            inserts.append((place.end, 0, -place.order, [(suffix, mutants[0])]))
        inserts.sort(key=lambda i: i[:3])
        pieces, owners, at, length = [], [], 0, 0
        for position, _, _, parts in inserts:
            pieces.append(self.text[at:position])
            length += position - at
            at = position
            for text, mutant in parts:
                if mutant is not None:
                    owners.append((length, length + len(text), mutant.number))
                pieces.append(text)
                length += len(text)
        pieces.append(self.text[at:])
        return "".join(pieces), owners

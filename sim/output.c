/* output.c: a temporary file beside the wanted one, renamed when it is whole. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int smh_output_create(const char *path, char **temporary)
{
    struct stat there;
    int descriptor = -1;
    *temporary = NULL;
    if (lstat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    size_t capacity = strlen(path) + 64;
    *temporary = smh_must_allocate(capacity, 1);
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        snprintf(*temporary, capacity, "%s.tmp-%ld-%u", path, (long)getpid(), attempt);
        descriptor = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST) {
            break;
        }
    }
    if (descriptor < 0) {
        int reason = errno;
        free(*temporary);
        *temporary = NULL;
        errno = reason;
    }
    return descriptor;
}

int smh_output_settle(const char *path, char *temporary, bool keep)
{
    int code = 0;
    int reason = 0;
    if (temporary == NULL) {
        return 0;
    }
    if (keep && rename(temporary, path) != 0) {
        reason = errno;
        code = -1;
    }
    if (!keep || code != 0) {
        (void)unlink(temporary);
    }
    free(temporary);
    errno = reason;
    return code;
}

static const char *name_of(const struct smh_output *output)
{
    return output->file == stdout ? "standard output" : output->path;
}

int smh_output_open(struct smh_output *output, const char *path, struct smh_error *error)
{
    *output = (struct smh_output){.path = path};
    if (strcmp(path, "-") == 0) {
        output->file = stdout;
        return 0;
    }
    int descriptor = smh_output_create(path, &output->temporary);
    output->file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (output->file != NULL) {
        return 0;
    }
    int code = smh_error_set(error, "%s: cannot be written (%s)", path, strerror(errno));
    if (descriptor >= 0) {
        close(descriptor);
    }
    (void)smh_output_settle(path, output->temporary, false);
    return code;
}

int smh_output_close(struct smh_output *output, bool keep, struct smh_error *error)
{
    const char *name = name_of(output);
    bool written = ferror(output->file) == 0;
    errno = 0;
    written = (output->file == stdout ? fflush(stdout) : fclose(output->file)) == 0 && written;
    int reason = errno;
    if (smh_output_settle(output->path, output->temporary, keep && written) != 0) {
        reason = errno;
        written = false;
    }
    if (!keep || written) {
        return 0;
    }
    return smh_error_set(error, "%s: cannot be written (%s)", name,
                         reason != 0 ? strerror(reason) : "an earlier write failed");
}

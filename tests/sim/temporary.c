/* temporary.c: folders that tests write to, and sources read to their end.
 */
#include "temporary.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void temporary_make(struct temporary *temporary)
{
    /* Thousands of small files are slow on a disk. */
    const char *named = getenv("TMPDIR");
    const char *root = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(temporary->folder, sizeof temporary->folder, "%s/smh-test-XXXXXX",
             named != NULL && strlen(named) < 90 ? named : root);
    cr_assert_not_null(mkdtemp(temporary->folder));
}

const char *temporary_path(struct temporary *temporary, const char *name)
{
    snprintf(temporary->path, sizeof temporary->path, "%s/%s", temporary->folder, name);
    return temporary->path;
}

const char *temporary_write(struct temporary *temporary, const char *name, const void *bytes,
                            size_t length)
{
    FILE *file = fopen(temporary_path(temporary, name), "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, length, file), length);
    cr_assert_eq(fclose(file), 0);
    return temporary->path;
}

const char *temporary_write_text(struct temporary *temporary, const char *name, const char *text)
{
    return temporary_write(temporary, name, text, strlen(text));
}

static size_t each_file(const struct temporary *temporary, bool removes)
{
    size_t count = 0;
    DIR *folder = opendir(temporary->folder);
    cr_assert_not_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        char path[TEMPORARY_PATH_BYTES * 2];
        snprintf(path, sizeof path, "%s/%s", temporary->folder, entry->d_name);
        if (removes) {
            remove(path);
        }
        count++;
    }
    closedir(folder);
    return count;
}

size_t temporary_count(const struct temporary *temporary)
{
    return each_file(temporary, false);
}

void temporary_remove(struct temporary *temporary)
{
    each_file(temporary, true);
    rmdir(temporary->folder);
}

struct smh_operation *all_operations(struct smh_source *source, size_t *count)
{
    struct smh_error error = {{0}};
    cr_assert_not_null(source);
    size_t capacity = 64;
    struct smh_operation *operations = smh_must_resize(NULL, capacity, sizeof *operations);
    *count = 0;
    long got;
    while ((got = source->next(source, operations + *count, capacity - *count, &error)) > 0) {
        *count += (size_t)got;
        if (capacity - *count < capacity / 2) {
            capacity *= 2;
            operations = smh_must_resize(operations, capacity, sizeof *operations);
        }
    }
    cr_assert_eq(got, 0, "%s", error.message);
    source->close(source);
    return operations;
}

/* operation_list.c: operations in memory. See operation_list.h. */
#include "operation_list.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 4096

struct list_source {
    struct smh_source source; /* first: the two are cast into each other */
    const struct smh_operation_list *list;
    size_t next;
};

static int make_room(struct smh_operation_list *list, size_t more, struct smh_error *error)
{
    if (more <= list->capacity - list->count) {
        return 0;
    }
    size_t capacity = list->capacity == 0 ? BATCH : list->capacity * 2;
    while (capacity - list->count < more) {
        capacity *= 2;
    }
    struct smh_operation *grown = realloc(list->operations, capacity * sizeof(*grown));
    if (grown == NULL) {
        return smh_error_set(error, "no memory for %zu operations", capacity);
    }
    list->operations = grown;
    list->capacity = capacity;
    return 0;
}

int smh_operation_list_add(struct smh_operation_list *list, const struct smh_operation *operation,
                           struct smh_error *error)
{
    if (make_room(list, 1, error) != 0) {
        return -1;
    }
    list->operations[list->count++] = *operation;
    return 0;
}

int smh_operation_list_collect(struct smh_operation_list *list, struct smh_source *source,
                               struct smh_error *error)
{
    long count;
    do {
        count = make_room(list, BATCH, error) == 0
                    ? source->next(source, list->operations + list->count, BATCH, error)
                    : -1;
        list->count += count > 0 ? (size_t)count : 0;
    } while (count > 0);
    source->close(source);
    return count < 0 ? -1 : 0;
}

void smh_operation_list_free(struct smh_operation_list *list)
{
    free(list->operations);
    *list = (struct smh_operation_list){0};
}

static long next_of_list(struct smh_source *source, struct smh_operation *operations,
                         size_t capacity, struct smh_error *error)
{
    (void)error;
    struct list_source *self = (struct list_source *)source;
    size_t left = self->list->count - self->next;
    size_t count = left < capacity ? left : capacity;
    memcpy(operations, self->list->operations + self->next, count * sizeof(*operations));
    self->next += count;
    return (long)count;
}

static void close_list(struct smh_source *source)
{
    free(source);
}

struct smh_source *smh_operation_list_open(const struct smh_operation_list *list)
{
    struct list_source *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->source.next = next_of_list;
    self->source.close = close_list;
    self->list = list;
    return &self->source;
}

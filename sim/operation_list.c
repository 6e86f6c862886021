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

static void make_room(struct smh_operation_list *list, size_t more)
{
    if (more <= list->capacity - list->count) {
        return;
    }
    size_t capacity = list->capacity == 0 ? BATCH : list->capacity * 2;
    while (capacity - list->count < more) {
        capacity *= 2;
    }
    list->operations = smh_must_resize(list->operations, capacity, sizeof(*list->operations));
    list->capacity = capacity;
}

int smh_operation_list_collect(struct smh_operation_list *list, struct smh_source *source,
                               struct smh_error *error)
{
    long count;
    do {
        make_room(list, BATCH);
        count = source->next(source, list->operations + list->count, BATCH, error);
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
    struct list_source *self = smh_must_allocate(1, sizeof(*self));
    self->source.next = next_of_list;
    self->source.close = close_list;
    self->list = list;
    return &self->source;
}

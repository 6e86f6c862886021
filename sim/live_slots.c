/* live_slots.c: see live_slots.h. */
#include "live_slots.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_LEAST 256

void smh_live_slots_open(struct smh_live_slots *slots, size_t actor_count)
{
    slots->actors = smh_must_allocate(actor_count, sizeof(*slots->actors));
    slots->actor_count = actor_count;
}

void smh_live_slots_close(struct smh_live_slots *slots)
{
    for (size_t i = 0; i < slots->actor_count; i++) {
        for (size_t slot = 0; slot < slots->actors[i].capacity; slot++) {
            free(slots->actors[i].live[slot].versions);
        }
        free(slots->actors[i].live);
    }
    free(slots->actors);
    *slots = (struct smh_live_slots){0};
}

struct smh_live *smh_live_slots_grow(struct smh_live_slots *slots,
                                     const struct smh_operation *operation)
{
    struct smh_actor_slots *table = &slots->actors[operation->actor];
    size_t capacity = table->capacity == 0 ? CAPACITY_LEAST : table->capacity;
    while (capacity <= operation->slot) {
        capacity *= 2;
    }
    if (capacity != table->capacity) {
        table->live = smh_must_resize(table->live, capacity, sizeof(*table->live));
        memset(table->live + table->capacity, 0,
               (capacity - table->capacity) * sizeof(*table->live));
        table->capacity = capacity;
    }
    return &table->live[operation->slot];
}

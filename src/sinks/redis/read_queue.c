#include "sinks/redis/read_queue.h"

#include <assert.h>

void redis_read_queue_add(struct redis_read_queue *u, struct redis_read_turn *t, uint8_t place,
                          void *of)
{
    assert(place < REDIS_SHARDS);
    *t = (struct redis_read_turn){ NULL, u->of[place].last, u->added++, place, of };
    *(t->prev != NULL ? &t->prev->next : &u->of[place].first) = t;
    u->of[place].last = t;
}

void redis_read_queue_remove(struct redis_read_queue *u, struct redis_read_turn *t)
{
    assert(t->prev != NULL ? t->prev->next == t : u->of[t->place].first == t);
    *(t->prev != NULL ? &t->prev->next : &u->of[t->place].first) = t->next;
    *(t->next != NULL ? &t->next->prev : &u->of[t->place].last) = t->prev;
}

size_t redis_read_queue_heads(const struct redis_read_queue *u, void *ret[REDIS_SHARDS])
{
    uint64_t numbers[REDIS_SHARDS];
    size_t n = 0;
    for (size_t place = 0; place < REDIS_SHARDS; place++) {
        const struct redis_read_turn *t = u->of[place].first;
        if (t == NULL)
            continue;
        size_t i = n++;
        for (; i > 0 && numbers[i - 1] > t->number; i--) {
            numbers[i] = numbers[i - 1];
            ret[i] = ret[i - 1];
        }
        numbers[i] = t->number;
        ret[i] = t->of;
    }
    return n;
}

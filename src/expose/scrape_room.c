#include <stdlib.h>

#include "base/mem.h"
#include "base/now.h"
#include "base/slice.h"
#include "expose/room.h"
#include "expose/scrape_priv.h"

/*
 * From this weight on (room.h) an exposition may be pushed out by others, whatever it was read
 * before.
 */
static const uint64_t quiet_ns = 500000000;

/* Expositions that are over, but for the compressor, take no room. */
static bool takes_room(const struct exposition *e, bool made)
{
    return !exposition_over(e) && exposition_made(e) == made;
}

static void collect_readers(struct room *room, size_t *cap, const struct exposition *e,
                            uint64_t now_ns)
{
    struct http_reading some[64], *all = some;
    size_t n = exposition_readings(e, now_ns, some, ARRAY_LEN(some));
    if (n > ARRAY_LEN(some)) {
        size_t fits = n;
        all = mem_alloc(fits * sizeof *all);
        n = exposition_readings(e, now_ns, all, fits);
        n = n < fits ? n : fits;
    }
    room->readers = mem_grow(room->readers, cap, room->n + n, sizeof *room->readers);
    for (size_t i = 0; i < n; i++)
        room->readers[room->n++] =
            (struct room_reader){ room->n_pages, all[i].who, all[i].quiet_ns, all[i].age_ns };
    if (all != some)
        free(all);
}

/*
 * Cut off the exposition that is read least, of those that are rendered or of those that are not.
 *   returns  false: all are being read
 */
static bool cut_worst(struct scrape *s, bool made, const uint64_t *newcomers, size_t n_newcomers)
{
    struct room room = { .least_ns = made ? 0 : quiet_ns,
                         .newcomers = newcomers,
                         .n_newcomers = n_newcomers };
    size_t n = 0, cap = 0, worst;
    uint64_t now_ns = now_mono_ns();
    for (struct exposition *e = s->under_way; e != NULL; e = e->next)
        n++;
    struct exposition **pages = mem_alloc(n * sizeof(struct exposition *));
    bool *may_go = mem_alloc(n * sizeof *may_go);
    for (struct exposition *e = s->under_way; e != NULL; e = e->next) {
        if (exposition_over(e))
            continue;
        collect_readers(&room, &cap, e, now_ns);
        pages[room.n_pages] = e;
        may_go[room.n_pages++] = takes_room(e, made);
    }
    room.may_go = may_go;
    bool found = room_worst(&room, &worst);
    if (found)
        exposition_cut(pages[worst]);
    free(room.readers);
    free(pages);
    free(may_go);
    return found;
}

size_t scrape_places(const struct scrape *s)
{
    size_t n = 0;
    for (const struct exposition *e = s->under_way; e != NULL; e = e->next)
        n += takes_room(e, false);
    return n < SCRAPE_UNDER_WAY_MAX ? SCRAPE_UNDER_WAY_MAX - n : 0;
}

/* What is rendered and waits for slow readers. */
static size_t left_bytes(const struct scrape *s)
{
    size_t left = 0;
    for (const struct exposition *e = s->under_way; e != NULL; e = e->next)
        left += takes_room(e, true) ? exposition_held(e) : 0;
    return left;
}

bool scrape_make_room(struct scrape *s, const uint64_t *newcomers, size_t n)
{
    for (;;) {
        bool too_much_left = left_bytes(s) > SCRAPE_LEFT_BYTES;
        if (scrape_places(s) > 0 && !too_much_left)
            return true;
        if (!cut_worst(s, too_much_left, newcomers, n))
            return false;
    }
}

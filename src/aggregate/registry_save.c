/*
 * registry_save_some
 *   save_line       a line, and a set behind a gauge
 *     name_family     before the first line of a family
 *     profile_number  before the first line of a profile
 *       number_of       as one that is equal
 */
#include <assert.h>
#include <stdlib.h>

#include "aggregate/registry_priv.h"
#include "aggregate/kind_saved.h"
#include "aggregate/registry_state.h"
#include "aggregate/state_profile.h"
#include "base/mem.h"
#include "base/pack.h"

static void put_interval(struct registry_save *s)
{
    uint64_t since = s->registry->interval - s->first;
    s->interval = s->registry->interval;
    struct buf *out = records_add(s->to, STATE_INTERVAL);
    pack_u64(out, s->interval);
    pack_u64(out, (uint64_t)s->clock.interval_start_ms + since * (uint64_t)s->clock.interval_ms);
    records_done(s->to);
}

void registry_save_begin(struct registry_save *s, struct registry *r, struct records_writer *to,
                         const struct state_clock *clock, bool gauges_only)
{
    *s = (struct registry_save){
        .registry = r, .to = to, .clock = *clock, .gauges_only = gauges_only
    };
    registry_walk_begin(r, &s->walk);
    s->first = r->interval;
    put_interval(s);
}

static void name_family(struct registry_save *s)
{
    if (s->named)
        return;
    struct buf *out = records_add(s->to, STATE_FAMILY);
    pack_u8(out, (uint8_t)s->family->type);
    pack_text(out, buf_slice(&s->walk.name));
    size_t help = s->walk.help.len;
    pack_text(out, slice_of(s->walk.help.ptr, help > 0 ? help - 1 : 0));
    records_done(s->to);
    s->named = true;
}

/* The number of the profile that is saved as `body`; one that is new gets a record, or no number
 * where there are as many as are loaded again: STATE_PROFILES_MAX. */
static uint32_t number_of(struct registry_save *s, struct slice body)
{
    struct unpack written = unpack_of(buf_slice(&s->written));
    for (uint32_t i = 0; i < s->n_written; i++)
        if (slice_eq(unpack_text(&written), body))
            return i;
    if (s->n_written == STATE_PROFILES_MAX)
        return STATE_PROFILES_MAX;
    pack_text(&s->written, body);
    struct buf *out = records_add(s->to, STATE_PROFILE);
    pack_u32(out, s->n_written);
    buf_append_slice(out, body);
    records_done(s->to);
    return s->n_written++;
}

/*
 * The number of p.  Those that are equal have one: with each restart, lines that still wait for a
 * sample have profiles of their own, and a file holds only so many.  As number_of.
 */
static uint32_t profile_number(struct registry_save *s, const struct profile *p)
{
    for (size_t i = s->n_profiles; i-- > 0;)
        if (s->profiles[i].set == p->set && s->profiles[i].index == p->index)
            return s->profiles[i].number;
    buf_clear(&s->scratch);
    state_profile_save(p, &s->scratch);
    uint32_t number = number_of(s, buf_slice(&s->scratch));
    s->profiles = mem_grow(s->profiles, &s->cap_profiles, s->n_profiles + 1, sizeof *s->profiles);
    s->profiles[s->n_profiles++] = (struct state_profile_id){ p->set, p->index, number };
    return number;
}

static int64_t born_ms(const struct registry_save *s, struct exposed *e)
{
    const uint64_t *birth = exposed_pool_birth(&s->registry->output.pool, e);
    return birth != NULL ? s->clock.zero_ms + (int64_t)*birth / 1000000 : INT64_MIN;
}

static void save_one(struct registry_save *s, struct exposed *e)
{
    const struct kind_saved at = { .at_ns = (int64_t)s->clock.mono_ns,
                                   .interval = s->registry->interval };
    uint64_t now_s = s->clock.mono_ns / 1000000000;
    name_family(s);
    uint32_t profile = profile_number(s, e->profile);
    if (profile == STATE_PROFILES_MAX) {
        s->left_out++;
        return;
    }
    buf_clear(&s->labels);
    exposed_labels(e, &s->registry->symbols, &s->labels);
    struct buf *out = records_add(s->to, STATE_LINE);
    pack_u8(out, (uint8_t)e->kind);
    pack_u8(out, e->negative);
    pack_u32(out, profile);
    pack_u32(out, now_s > e->last_s ? (uint32_t)(now_s - e->last_s) : 0);
    pack_u64(out, (uint64_t)born_ms(s, e));
    pack_text(out, buf_slice(&s->labels));
    kind_rows[e->kind]->save(e, &at, out);
    bool saved = records_done(s->to);
    s->lines += saved;
    s->left_out += !saved;
}

static void save_line(struct registry_save *s, struct exposed *e)
{
    struct exposed *behind = exposed_other(e);
    exposed_check(e);
    save_one(s, e);
    if (behind != NULL)
        save_one(s, behind);
}

static bool left_out(const struct registry_save *s)
{
    return s->gauges_only && s->family->type != FAMILY_GAUGE;
}

static struct exposed *next_line(struct registry_save *s)
{
    return s->family != NULL && !left_out(s) ? registry_walk_exposed(&s->walk) : NULL;
}

bool registry_save_some(struct registry_save *s, size_t lines)
{
    if (s->interval != s->registry->interval)
        put_interval(s);
    while (lines > 0) {
        struct exposed *e = next_line(s);
        if (e != NULL) {
            save_line(s, e);
            lines--;
            continue;
        }
        s->family = registry_walk_family(&s->walk);
        s->named = false;
        if (s->family == NULL)
            return false;
        lines -= left_out(s);
    }
    return true;
}

void registry_save_end(struct registry_save *s)
{
    registry_walk_end(&s->walk);
    buf_release(&s->labels);
    buf_release(&s->scratch);
    buf_release(&s->written);
    free(s->profiles);
}

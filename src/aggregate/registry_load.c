/*
 * registry_load_record
 *   load_interval, load_profile, load_family
 *   load_line       a line is put on the page
 *     is_name, are_labels   what would break the page stays off it
 *     put_line
 * registry_load_end   sets go through the intervals that ended meanwhile
 */
#include <assert.h>
#include <stdlib.h>

#include "aggregate/registry_priv.h"
#include "aggregate/kind_saved.h"
#include "aggregate/registry_state.h"
#include "aggregate/state_profile.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { INTERVALS_OF_A_SAVE = 100000 };

static const int64_t NS_PER_MS = 1000000;

void registry_load_begin(struct registry_load *l, struct registry *r, const struct state_clock *now,
                         const struct state_clock *saved, uint64_t started_ns)
{
    assert(r->n_all == 0 && r->restored.n == 0); /* nothing was merged */
    int64_t ago_ms = now->wall_ms - saved->wall_ms;
    int64_t at_ns = (int64_t)now->mono_ns - (ago_ms > 0 ? ago_ms : 0) * NS_PER_MS;
    *l = (struct registry_load){ .registry = r,
                                 .now = *now,
                                 .saved = *saved,
                                 .at_ns =
                                     at_ns < (int64_t)started_ns ? at_ns : (int64_t)started_ns };
}

/* Sets go through the intervals up to that one. */
static void go_on_until(struct registry *r, uint64_t interval)
{
    while (r->interval < interval && r->sets.n > 0) {
        r->interval += set_list_skip(&r->sets, interval - r->interval);
        if (r->interval == interval)
            break;
        r->interval++;
        set_list_next(&r->sets);
        size_t all = SIZE_MAX;
        (void)set_list_go_on(&r->sets, &all);
    }
    r->interval = r->sets.interval = interval;
}

static bool load_interval(struct registry_load *l, struct unpack *in)
{
    struct registry *r = l->registry;
    uint64_t interval = unpack_u64(in);
    l->saved.interval_start_ms = (int64_t)unpack_u64(in);
    if (!unpack_done(in) || interval > INT64_MAX || l->saved.interval_start_ms < 0)
        return false;
    if (l->begun && (interval < r->interval || interval - r->interval > INTERVALS_OF_A_SAVE))
        return false;
    if (!l->begun)
        r->interval = interval;
    l->begun = true;
    go_on_until(r, interval);
    return true;
}

static bool load_profile(struct registry_load *l, struct unpack *in)
{
    static double room[2][STATE_BOUNDS_MAX];
    struct profile p;
    if (unpack_u32(in) != l->n_profiles || l->n_profiles >= STATE_PROFILES_MAX ||
        !state_profile_load(&p, room, in))
        return false;
    l->profiles = mem_grow(l->profiles, &l->cap_profiles, l->n_profiles + 1, sizeof *l->profiles);
    l->profiles[l->n_profiles++] = restored_profile(&l->registry->restored, &p);
    return true;
}

/* ---- text that stands on the page as it is ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_letter(c) && c != ':' && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0;
}

/* Behind the opening quote.   returns  behind the closing one; 0: there is none */
static size_t end_of_value(struct slice s, size_t i)
{
    for (; i < s.len && s.ptr[i] != '"'; i++) {
        if (s.ptr[i] == '\n')
            return 0;
        if (s.ptr[i] == '\\' && ++i < s.len && strchr("\\\"n", s.ptr[i]) == NULL)
            return 0;
    }
    return i < s.len ? i + 1 : 0;
}

/* `k="v",k2="v2"` */
static bool are_labels(struct slice s)
{
    if (!utf8_valid(s))
        return false;
    for (size_t i = 0; i < s.len;) {
        size_t key = i;
        while (i < s.len && s.ptr[i] != '=')
            i++;
        struct slice k = slice_of(s.ptr + key, i - key);
        if (!is_name(k) || memchr(k.ptr, ':', k.len) != NULL || i + 1 >= s.len)
            return false;
        if (s.ptr[i + 1] != '"' || (i = end_of_value(s, i + 2)) == 0)
            return false;
        if (i < s.len && (s.ptr[i] != ',' || ++i == s.len))
            return false;
    }
    return true;
}

static bool load_family(struct registry_load *l, struct unpack *in)
{
    l->type = unpack_u8(in);
    struct slice name = unpack_text(in), help = unpack_text(in);
    if (!unpack_done(in) || l->type >= FAMILY_RESERVED || !is_name(name) || !utf8_valid(help) ||
        memchr(help.ptr, '\0', help.len) != NULL)
        return false;
    buf_clear(&l->name);
    buf_append_slice(&l->name, name);
    buf_clear(&l->help);
    buf_append_slice(&l->help, help);
    buf_append_char(&l->help, '\0');
    l->family = true;
    return true;
}

/* ---- lines ---- */

struct line {
    uint8_t kind, negative;
    const struct profile *profile;
    uint64_t idle_s;
    int64_t born_ms;
    struct slice labels;
};

/* returns  whether e stays */
static bool put_line(struct registry_load *l, const struct line *line, struct exposed *e)
{
    struct output *o = &l->registry->output;
    int64_t last_s = l->at_ns / 1000000000 - (int64_t)line->idle_s;
    uint64_t *birth = exposed_pool_birth(&o->pool, e);
    e->last_s = last_s > 0 ? (uint32_t)last_s : 0;
    e->negative = line->negative != 0;
    if (birth != NULL && line->born_ms != INT64_MIN)
        *birth = (uint64_t)((line->born_ms - l->now.zero_ms) * NS_PER_MS);
    if (!output_restore(o, e, buf_slice(&l->name), line->labels))
        return false;
    if (l->help.len > 1)
        families_help(e->family, l->help.ptr);
    restored_add(&l->registry->restored, e);
    l->lines++;
    return true;
}

static bool is_idle(const struct registry_load *l, const struct line *line)
{
    int64_t ago_ms = l->now.wall_ms - l->saved.wall_ms;
    uint64_t ago_s = ago_ms > 0 ? (uint64_t)ago_ms / 1000 : 0;
    return line->profile->ttl_s > 0 && line->idle_s + ago_s > line->profile->ttl_s;
}

/* returns  false: the record makes no sense */
static bool make_line(struct registry_load *l, const struct line *line, struct unpack *in)
{
    struct registry *r = l->registry;
    const struct kind_saved at = { l->at_ns, r->interval, &r->sets };
    struct exposed *e = exposed_pool_new(&r->output.pool, (enum series_kind)line->kind,
                                         line->profile, l->now.mono_ns);
    e->restored = 1;
    bool good = kind_rows[line->kind]->load(e, &at, in) && unpack_done(in);
    if (good && put_line(l, line, e))
        return true;
    l->left_out += good;
    exposed_pool_free(&r->output.pool, e);
    return good;
}

static bool load_line(struct registry_load *l, struct unpack *in)
{
    struct line line = { .kind = unpack_u8(in), .negative = unpack_u8(in) };
    uint32_t profile = unpack_u32(in);
    line.idle_s = unpack_u32(in);
    line.born_ms = (int64_t)unpack_u64(in);
    line.labels = unpack_text(in);
    if (in->bad || !l->family || line.kind >= SERIES_KIND_COUNT || profile >= l->n_profiles)
        return false;
    line.profile = l->profiles[profile];
    bool born =
        line.born_ms == INT64_MIN || (line.born_ms > 0 && line.born_ms <= INT64_MAX / 2000000);
    if (!born || kind_rows[line.kind]->family_type(line.profile) != l->type ||
        !are_labels(line.labels))
        return false;
    if (is_idle(l, &line)) {
        l->idle++;
        return true;
    }
    if (l->lines >= l->registry->opts.limit->max) {
        l->left_out++;
        return true;
    }
    return make_line(l, &line, in);
}

bool registry_load_record(struct registry_load *l, uint8_t type, struct slice body)
{
    struct unpack in = unpack_of(body);
    switch (type) {
    case STATE_INTERVAL:
        return load_interval(l, &in);
    case STATE_PROFILE:
        return load_profile(l, &in);
    case STATE_FAMILY:
        return load_family(l, &in);
    case STATE_LINE:
        return load_line(l, &in);
    default:
        return false;
    }
}

/* Intervals ended while nobody was there to end them. */
static void catch_up(const struct registry_load *l)
{
    struct registry *r = l->registry;
    int64_t since_ms = l->now.interval_start_ms - l->saved.interval_start_ms;
    uint64_t ended = since_ms > 0 ? (uint64_t)(since_ms / l->now.interval_ms) : 0;
    go_on_until(r, r->interval + ended);
}

void registry_load_end(struct registry_load *l, bool good)
{
    struct registry *r = l->registry;
    if (good)
        catch_up(l);
    else
        restored_release(&r->restored, &r->output);
    if (good)
        r->stats.v[REGISTRY_RESTORED_LEFT_OUT] += l->left_out + l->idle;
    if (r->restored.n == 0)
        restored_release(&r->restored, &r->output); /* its profiles */
    buf_release(&l->name);
    buf_release(&l->help);
    free(l->profiles);
}

/*
 * core_mapping_load
 *   mapping_file_load     what the file says
 *   compile
 *     set_profiles          a profile for each rule, equal ones once
 *     make_mapping          the rules, compiled
 */
#include "core/core_mapping.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/mapping_file.h"
#include "config/mapping_lint.h"

static void core_mapping_check(const struct core_mapping *m)
{
    assert(m->profiles != NULL && m->n_profiles > 0 && m->n_profiles <= PROFILES_MAX);
    assert(profiles_at(m->profiles, (uint8_t)(m->n_profiles - 1)) != NULL);
}

/* A set's window in whole intervals, and how many of these make a step of it. */
static void set_window(const struct config *c, struct profile *p)
{
    uint64_t interval_ms = c->server_interval_ms;
    uint64_t intervals = (c->aggregate_set_window_ms + interval_ms - 1) / interval_ms;
    uint64_t step = (intervals + PROFILE_SET_STEPS_MAX - 1) / PROFILE_SET_STEPS_MAX;
    p->set_step_intervals = step > 0 ? (uint32_t)step : 1;
    p->set_steps = (uint32_t)((intervals + p->set_step_intervals - 1) / p->set_step_intervals);
    assert(p->set_steps <= PROFILE_SET_STEPS_MAX);
}

/* The words of both are in one order. */
static enum gauge_merge merge_of(enum gauge_rule rule)
{
    _Static_assert((int)GAUGE_RULE_AVG == (int)GAUGE_MERGE_AVG &&
                       (int)GAUGE_RULE_SUM == (int)GAUGE_MERGE_SUM &&
                       (int)GAUGE_RULE_MIN == (int)GAUGE_MERGE_MIN &&
                       (int)GAUGE_RULE_MAX == (int)GAUGE_MERGE_MAX,
                   "a rule has one number");
    return (enum gauge_merge)rule;
}

struct profile core_profile(const struct config *c)
{
    struct profile p = { .histogram = c->prometheus_observer_type == OBSERVER_HISTOGRAM,
                         .sketch_schema = (int)c->aggregate_sketch_schema,
                         .buckets = c->prometheus_buckets.at,
                         .n_buckets = (uint32_t)c->prometheus_buckets.n,
                         .quantiles = c->aggregate_quantiles.at,
                         .n_quantiles = (uint32_t)c->aggregate_quantiles.n,
                         .summary_max_age_ms = (uint32_t)c->aggregate_summary_max_age_ms,
                         .summary_age_buckets = c->aggregate_summary_age_buckets,
                         .ttl_s = core_seconds_up(c->aggregate_ttl_ms),
                         .scale = 1,
                         .gauge_merge = merge_of((enum gauge_rule)c->redis_gauge_merge),
                         .native_factor = c->prometheus_native_histogram_factor,
                         .native_max_buckets = c->prometheus_native_histogram_max_buckets,
                         .native_zero_threshold = -1 };
    set_window(c, &p);
    return p;
}

/* What applies where the file says nothing. */
static struct mapping_options options_of(const struct config *c)
{
    return (struct mapping_options){ .histogram = c->prometheus_observer_type == OBSERVER_HISTOGRAM,
                                     .buckets = c->prometheus_buckets,
                                     .quantiles = c->aggregate_quantiles,
                                     .max_age_ms = c->aggregate_summary_max_age_ms,
                                     .age_buckets = c->aggregate_summary_age_buckets,
                                     .native_factor = c->prometheus_native_histogram_factor,
                                     .native_max_buckets =
                                         c->prometheus_native_histogram_max_buckets,
                                     .native_zero_threshold = -1,
                                     .ttl_ms = c->aggregate_ttl_ms,
                                     .scale = 1,
                                     .gauge_merge = (enum gauge_rule)c->redis_gauge_merge };
}

/* ---- profiles ---- */

/* What a histogram, or a summary, has no use for stays as it is in p: so equal ones are one. */
static void observe_as(struct profile *p, const struct mapping_options *o)
{
    p->histogram = o->histogram;
    if (!o->histogram) {
        p->quantiles = o->quantiles.at;
        p->n_quantiles = (uint32_t)o->quantiles.n;
        p->summary_max_age_ms = (uint32_t)(o->max_age_ms < UINT32_MAX ? o->max_age_ms : UINT32_MAX);
        p->summary_age_buckets = o->age_buckets;
        return;
    }
    p->buckets = o->buckets.at;
    p->n_buckets = (uint32_t)o->buckets.n;
    bool native = o->native_factor > 1;
    p->native_factor = native ? o->native_factor : 0;
    p->native_max_buckets = native ? o->native_max_buckets : 0;
    p->native_zero_threshold =
        native && o->native_zero_threshold >= 0 ? o->native_zero_threshold : -1;
}

static const struct profile *profile_of(struct profiles *ps, const struct mapping_file_rule *r)
{
    struct profile p = *profiles_at(ps, 0);
    p.ttl_s = core_seconds_up(r->options.ttl_ms);
    p.scale = r->drop ? 1 : r->options.scale;
    if (!r->drop && (r->classes & MAPPING_FILE_GAUGE))
        p.gauge_merge = merge_of(r->options.gauge_merge);
    if (!r->drop && (r->classes & MAPPING_FILE_OBSERVER))
        observe_as(&p, &r->options);
    return profiles_intern(ps, &p);
}

/* numbers: of the profile of each rule.  returns  0 or -EINVAL */
static int set_profiles(const struct config *c, const struct mapping_file *f,
                        struct core_mapping *m, uint8_t *numbers, struct buf *ret_errors)
{
    struct profile unmapped = core_profile(c);
    unmapped.ttl_s = core_seconds_up(f->defaults.ttl_ms);
    unmapped.gauge_merge = merge_of(f->defaults.gauge_merge);
    observe_as(&unmapped, &f->defaults);
    m->profiles = profiles_new(&unmapped);
    m->n_profiles = 1;
    for (size_t i = 0; i < f->n_rules; i++) {
        const struct profile *p = profile_of(m->profiles, &f->rules[i]);
        if (p == NULL) {
            mapping_file_where(f, i, ret_errors);
            buf_printf(ret_errors,
                       "the rules up to this one have more than %d different sets of options; give "
                       "rules the same ttl, scale, buckets, quantiles and so on where they need "
                       "not differ, or put them into `defaults`\n",
                       PROFILES_MAX);
            return -EINVAL;
        }
        numbers[i] = p->index;
        m->n_profiles = p->index >= m->n_profiles ? p->index + 1u : m->n_profiles;
    }
    return 0;
}

/* ---- rules ---- */

struct compiling {
    const struct mapping_file *file;
    struct buf *errors;
};

static void on_error(void *cookie, size_t rule, const char *text)
{
    const struct compiling *at = cookie;
    mapping_file_where(at->file, rule, at->errors);
    buf_append_str(at->errors, text);
    buf_append_char(at->errors, '\n');
}

static size_t count_labels(const struct mapping_file *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_rules; i++)
        n += f->rules[i].n_labels;
    return n;
}

/* to: room for the rule's labels */
static struct mapping_rule rule_of(const struct mapping_file_rule *r, uint8_t profile,
                                   struct mapping_label *to)
{
    for (size_t i = 0; i < r->n_labels; i++)
        to[i] = (struct mapping_label){ r->labels[i].key, r->labels[i].value };
    return (struct mapping_rule){ .match = r->match,
                                  .regex = r->regex,
                                  .classes = (uint8_t)r->classes,
                                  .drop = r->drop,
                                  .honor_labels = r->honor_labels,
                                  .name = r->name,
                                  .labels = to,
                                  .n_labels = r->n_labels,
                                  .help = r->help,
                                  .profile = profile,
                                  .line = r->line };
}

static int make_mapping(const struct mapping_file *f, const uint8_t *profiles,
                        struct core_mapping *m, struct buf *ret_errors)
{
    struct mapping_rule *rules = mem_alloc((f->n_rules + 1) * sizeof *rules);
    struct mapping_label *labels = mem_alloc((count_labels(f) + 1) * sizeof *labels), *to = labels;
    struct compiling at = { f, ret_errors };
    for (size_t i = 0; i < f->n_rules; i++) {
        assert(profiles[i] < m->n_profiles);
        rules[i] = rule_of(&f->rules[i], profiles[i], to);
        to += f->rules[i].n_labels;
    }
    assert((size_t)(to - labels) == count_labels(f));
    int rc = mapping_new(&(struct mapping_opts){ .rules = rules,
                                                 .n_rules = f->n_rules,
                                                 .unordered = f->unordered,
                                                 .on_error = on_error,
                                                 .cookie = &at },
                         &m->mapping);
    free(labels);
    free(rules);
    return rc;
}

/* Takes f. */
static int compile(const struct config *c, struct mapping_file *f, struct core_mapping *ret,
                   struct buf *ret_errors)
{
    struct core_mapping m = { 0 };
    uint8_t *profiles = mem_alloc(f->n_rules + 1);
    int rc = set_profiles(c, f, &m, profiles, ret_errors);
    if (rc == 0)
        rc = make_mapping(f, profiles, &m, ret_errors);
    free(profiles);
    mapping_file_release(f);
    if (rc < 0) {
        core_mapping_release(&m);
        return rc;
    }
    core_mapping_check(&m);
    *ret = m;
    return 0;
}

int core_mapping_load(const struct config *c, struct core_mapping *ret, struct buf *ret_errors)
{
    struct mapping_file f;
    const struct mapping_options options = options_of(c);
    if (c->prometheus_mapping[0] == '\0') {
        const struct profile all = core_profile(c);
        *ret = (struct core_mapping){ .profiles = profiles_new(&all), .n_profiles = 1 };
        return 0;
    }
    int rc =
        mapping_file_load(c->prometheus_mapping, &options, mapping_regex_wrong, &f, ret_errors);
    return rc < 0 ? rc : compile(c, &f, ret, ret_errors);
}

int core_mapping_load_text(const struct config *c, const char *path, struct slice text,
                           struct core_mapping *ret, struct buf *ret_errors)
{
    struct mapping_file f;
    const struct mapping_options options = options_of(c);
    int rc = mapping_file_load_text(path, text, &options, mapping_regex_wrong, &f, ret_errors);
    return rc < 0 ? rc : compile(c, &f, ret, ret_errors);
}

size_t core_mapping_lint(const struct config *c, struct buf *out)
{
    const struct mapping_options options = options_of(c);
    struct mapping_file f = { 0 };
    struct buf mistakes = { 0 };
    size_t n = 0;
    if (c->prometheus_mapping[0] != '\0' &&
        mapping_file_load(c->prometheus_mapping, &options, NULL, &f, &mistakes) == 0)
        n = mapping_lint(&f, out);
    mapping_file_release(&f);
    buf_release(&mistakes);
    return n;
}

void core_mapping_release(struct core_mapping *m)
{
    mapping_free(m->mapping);
    profiles_free(m->profiles);
    *m = (struct core_mapping){ 0 };
}

size_t core_mapping_rules(const struct core_mapping *m)
{
    return m->mapping == NULL ? 0 : mapping_rules(m->mapping);
}

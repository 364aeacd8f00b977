/**
 *   mapping_file_load -> mapping_reader_file, mapping_file_load_text
 *     document_parse     text -> tree, or where it is no YAML (document.h)
 *     read_top           the keys of the file
 *       read_defaults
 *       read_rules       each by mapping_rule_read
 *
 * Where a text breaks off for not being YAML, the rules before that place are read all the same, so
 * that their mistakes are told as well.
 */
#include "config/mapping_file.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/mapping_reader.h"
#include "config/mapping_rule.h"
#include "config/mapping_scalar.h"

static struct doubles copy_list(const struct doubles *list)
{
    struct doubles copy = { .n = list->n };
    if (list->n > 0) {
        copy.at = mem_alloc(list->n * sizeof *copy.at);
        memcpy(copy.at, list->at, list->n * sizeof *copy.at);
    }
    return copy;
}

/* What every loaded file fulfils. */
static void resolved_check(const struct mapping_options *o)
{
    assert(o->native_factor == 0 || o->native_factor > 1);
    for (size_t i = 1; i < o->buckets.n; i++)
        assert(o->buckets.at[i - 1] < o->buckets.at[i]);
    for (size_t i = 1; i < o->quantiles.n; i++)
        assert(o->quantiles.at[i - 1] < o->quantiles.at[i]);
}

static void read_defaults(struct mapping_reader *r, const struct document_node *node,
                          struct mapping_defaults *d, bool *ret_unordered)
{
    enum { OBSERVER, MATCH_TYPE, UNORDERED, TTL, GAUGE_MERGE, HISTOGRAM, SUMMARY };
    static const struct mapping_key keys[] = {
        [OBSERVER] = { "observer_type", NULL },
        [MATCH_TYPE] = { "match_type", NULL },
        [UNORDERED] = { "glob_disable_ordering", NULL },
        [TTL] = { "ttl", NULL },
        [GAUGE_MERGE] = { "gauge_merge", NULL },
        [HISTOGRAM] = { "histogram_options", NULL },
        [SUMMARY] = { "summary_options", NULL },
        { "timer_type", "no longer there; write observer_type with the same value" },
        { "buckets", "no longer there; write histogram_options: {buckets: [...]}" },
        { "quantiles", "no longer there; write summary_options: {quantiles: [...]}" },
        { "name", "belongs to a rule below mappings:" },
        { "match", "belongs to a rule below mappings:" },
        { "action", "belongs to a rule below mappings:" },
        { "labels", "belongs to a rule below mappings:; aggregate.global_tags is for all metrics" },
        { "help", "belongs to a rule below mappings:" },
        { "scale", "belongs to a rule below mappings:" },
        { "honor_labels", "belongs to a rule below mappings:" },
        { "match_metric_type", "belongs to a rule below mappings:" },
    };
    struct mapping_field f[ARRAY_LEN(keys)];
    struct mapping_blocks blocks;
    struct mapping_options base = d->options;
    int match = 0, observer = MAPPING_OBSERVER_UNSET, merge = (int)base.gauge_merge;
    mapping_reader_fields(r, node, "defaults.", keys, ARRAY_LEN(keys), f);
    mapping_scalar_word(r, &f[OBSERVER], "summary|histogram", &observer);
    mapping_scalar_word(r, &f[MATCH_TYPE], "glob|regex", &match);
    mapping_scalar_bool(r, &f[UNORDERED], ret_unordered);
    mapping_scalar_duration(r, &f[TTL], &base.ttl_ms);
    mapping_scalar_word(r, &f[GAUGE_MERGE], GAUGE_RULE_WORDS, &merge);
    base.gauge_merge = (enum gauge_rule)merge;
    mapping_options_read(r, &f[HISTOGRAM], &f[SUMMARY], &blocks);
    mapping_options_resolve(&base, d->config, (enum mapping_observer)observer, &blocks,
                            &d->options);
    if (d->options.buckets.at != base.buckets.at)
        free(base.buckets.at);
    if (d->options.quantiles.at != base.quantiles.at)
        free(base.quantiles.at);
    d->regex = match == 1;
    d->observer = (enum mapping_observer)observer;
}

static void read_rules(struct mapping_reader *r, const struct mapping_field *f,
                       const struct mapping_defaults *d, struct mapping_file *ret)
{
    const struct document *doc = &r->document;
    size_t cap = 0;
    if (f->node == NULL)
        return;
    if (f->node->kind != DOCUMENT_LIST) {
        mapping_reader_wrong(r, f, "is not a list; each rule begins with - match:");
        return;
    }
    for (const struct document_node *at = document_first(doc, f->node); at != NULL;
         at = document_next(doc, at)) {
        const struct document_node *node = document_value(doc, at);
        if (mapping_reader_full(r) || !node->whole)
            break;
        if (ret->n_rules == MAPPING_RULES_MAX) {
            r->rule = 0;
            mapping_reader_mistake(r, at->line, "more than %d rules; make one of several",
                                   MAPPING_RULES_MAX);
            break;
        }
        ret->rules = mem_grow(ret->rules, &cap, ret->n_rules + 1, sizeof *ret->rules);
        struct mapping_file_rule *rule = &ret->rules[ret->n_rules++];
        mapping_rule_read(r, node, ret->n_rules, d, rule);
        rule->line = at->line; /* of an alias: where it is used */
    }
    r->rule = 0;
}

static void read_top(struct mapping_reader *r, const struct document_node *root,
                     struct mapping_defaults *d, struct mapping_file *ret)
{
    enum { DEFAULTS, MAPPINGS };
    static const struct mapping_key keys[] = {
        [DEFAULTS] = { "defaults", NULL },
        [MAPPINGS] = { "mappings", NULL },
        { "match", "belongs to a rule below mappings:, which begins with - match:" },
    };
    struct mapping_field f[ARRAY_LEN(keys)];
    if (root == NULL || document_null(&r->document, root))
        return;
    if (root->kind != DOCUMENT_MAP && !root->whole)
        return;
    if (root->kind != DOCUMENT_MAP) {
        mapping_reader_mistake(r, root->line,
                               "the file is a %s; it has to begin with mappings: or defaults:",
                               root->kind == DOCUMENT_LIST ? "list" : "text");
        return;
    }
    mapping_reader_fields(r, root, "", keys, ARRAY_LEN(keys), f);
    if (f[DEFAULTS].node != NULL && !f[DEFAULTS].node->whole)
        return; /* the text breaks off in there, and rules depend on them */
    if (f[DEFAULTS].node != NULL)
        read_defaults(r, f[DEFAULTS].node, d, &ret->unordered);
    ret->defaults = d->options;
    read_rules(r, &f[MAPPINGS], d, ret);
}

int mapping_file_load_text(const char *path, struct slice text,
                           const struct mapping_options *config, mapping_regex_fn regex,
                           struct mapping_file *ret, struct buf *ret_errors)
{
    struct mapping_reader r = { .path = path };
    struct mapping_defaults d = { .observer = MAPPING_OBSERVER_UNSET,
                                  .config = config,
                                  .regex_wrong = regex,
                                  .options = *config };
    struct mapping_file f = { .path = mem_strdup(path) };
    struct buf why = { 0 };
    unsigned line = 0;
    resolved_check(config);
    d.options.buckets = copy_list(&config->buckets);
    d.options.quantiles = copy_list(&config->quantiles);
    d.options.scale = 1;
    if (document_parse(&r.document, text, &line, &why) != 0)
        mapping_reader_mistake(&r, line, "%.*s", (int)why.len, why.ptr);
    buf_release(&why);
    read_top(&r, document_root(&r.document), &d, &f);
    f.defaults = d.options;
    bool good = r.n_mistakes == 0;
    mapping_reader_print(&r, ret_errors);
    mapping_reader_release(&r);
    if (!good) {
        mapping_file_release(&f);
        return -EINVAL;
    }
    resolved_check(&f.defaults);
    for (size_t i = 0; i < f.n_rules; i++) {
        resolved_check(&f.rules[i].options);
        assert(f.rules[i].classes != 0 && f.rules[i].name[0] != '\0');
    }
    *ret = f;
    return 0;
}

int mapping_file_load(const char *path, const struct mapping_options *config,
                      mapping_regex_fn regex, struct mapping_file *ret, struct buf *ret_errors)
{
    struct buf text = { 0 };
    int rc = mapping_reader_file(path, "mapping file", &text, ret_errors);
    if (rc == 0)
        rc = mapping_file_load_text(path, buf_slice(&text), config, regex, ret, ret_errors);
    buf_release(&text);
    return rc;
}

void mapping_file_where(const struct mapping_file *f, size_t i, struct buf *out)
{
    assert(i < f->n_rules);
    mapping_reader_where(f->path, f->rules[i].line, i + 1, slice_str(f->rules[i].match), out);
}

void mapping_file_release(struct mapping_file *f)
{
    for (size_t i = 0; i < f->n_rules; i++)
        mapping_rule_release(&f->rules[i], &f->defaults);
    free(f->rules);
    free(f->defaults.buckets.at);
    free(f->defaults.quantiles.at);
    free(f->path);
    *f = (struct mapping_file){ 0 };
}

/*
 * In this file: copying the rules, the scratch, the search, and the name and labels of a match.
 */
#include "aggregate/mapping.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "aggregate/mapping_glob.h"
#include "aggregate/mapping_priv.h"
#include "aggregate/mapping_template.h"
#include "base/mem.h"
#include "base/utf8.h"

/* A match points to its first member, so that the rest is found from there. */
struct compiled {
    struct mapping_rule rule; /* first */
    struct mapping_template name, *values;
    char *texts; /* of the rule, one behind the other */
    struct mapping_label *labels;
    struct mapping_regex *regex; /* NULL: a glob */
};

struct mapping {
    struct compiled *rules;
    size_t n_rules;
    struct mapping_globs *globs;
    uint32_t *regexes; /* numbers of rules */
    size_t n_regexes;
    size_t captures; /* the most that a rule has */
    unsigned groups; /* the most that a regex has */
    bool unordered;
};

struct mapping_scratch {
    const struct mapping *made_for;
    struct slice *captures;
    struct mapping_place *places;
    struct mapping_regex_scratch *regex;
};

/* --- the rules */

static int32_t group_of(const void *cookie, struct slice name, size_t nth)
{
    return mapping_regex_group(cookie, name, nth);
}

static void release_rule(struct compiled *c)
{
    for (size_t i = 0; i < c->rule.n_labels; i++)
        mapping_template_release(&c->values[i]);
    mapping_template_release(&c->name);
    mapping_regex_free(c->regex);
    free(c->texts);
    free(c->labels);
    free(c->values);
}

static size_t texts_size(const struct mapping_rule *r)
{
    size_t n = strlen(r->match) + strlen(r->name) + 2;
    n += r->help != NULL ? strlen(r->help) + 1 : 0;
    for (size_t i = 0; i < r->n_labels; i++)
        n += strlen(r->labels[i].key) + strlen(r->labels[i].value) + 2;
    return n;
}

/* To *at, which moves behind it. */
static const char *put_text(char **at, const char *text)
{
    char *copy = *at;
    size_t n = strlen(text) + 1;
    memcpy(copy, text, n);
    *at += n;
    return copy;
}

/* With its templates, which refer to the regex's groups. */
static void copy_rule(struct compiled *c, const struct mapping_rule *from,
                      struct mapping_regex *regex)
{
    mapping_group_of *names = regex != NULL ? group_of : NULL;
    char *at = mem_alloc(texts_size(from));
    *c = (struct compiled){ .rule = *from, .texts = at, .regex = regex };
    c->rule.match = put_text(&at, from->match);
    c->rule.name = put_text(&at, from->name);
    if (from->help != NULL)
        c->rule.help = put_text(&at, from->help);
    c->labels = mem_alloc(from->n_labels * sizeof *c->labels);
    c->values = mem_alloc(from->n_labels * sizeof *c->values);
    c->rule.labels = c->labels;
    mapping_template_init(&c->name, c->rule.name, names, regex);
    for (size_t i = 0; i < from->n_labels; i++) {
        c->labels[i].key = put_text(&at, from->labels[i].key);
        c->labels[i].value = put_text(&at, from->labels[i].value);
        mapping_template_init(&c->values[i], c->labels[i].value, names, regex);
    }
}

static size_t captures_of(const struct compiled *c)
{
    size_t n = 1;
    if (c->regex != NULL)
        return mapping_regex_groups(c->regex) + 1;
    for (const char *p = c->rule.match; *p != '\0'; p++)
        n += *p == '*';
    return n;
}

bool mapping_regex_wrong(const char *regex, struct buf *why)
{
    struct mapping_regex *re = NULL;
    int rc = mapping_regex_new(regex, false, &re, why);
    mapping_regex_free(re);
    return rc < 0;
}

/* A regex that does not compile is told; its rule is then kept as one without. */
static int add_rule(struct mapping *m, const struct mapping_opts *opts, size_t i)
{
    const struct mapping_rule *rule = &opts->rules[i];
    struct mapping_regex *regex = NULL;
    struct buf why = { 0 };
    int rc = rule->regex ? mapping_regex_new(rule->match, false, &regex, &why) : 0;
    buf_append_char(&why, '\0');
    if (rc < 0 && opts->on_error != NULL)
        opts->on_error(opts->cookie, i, why.ptr);
    buf_release(&why);
    struct compiled *c = &m->rules[m->n_rules++];
    copy_rule(c, rule, regex);
    if (rc < 0)
        return rc;
    size_t captures = captures_of(c);
    m->captures = captures > m->captures ? captures : m->captures;
    if (regex == NULL)
        return 0;
    m->regexes[m->n_regexes++] = (uint32_t)i;
    m->groups = captures - 1 > m->groups ? (unsigned)captures - 1 : m->groups;
    return 0;
}

static void add_globs(struct mapping *m)
{
    static_assert(MAPPING_GLOB_CLASSES == (int)MAPPING_CLASS_COUNT, "a rule for each class");
    struct mapping_glob *globs = mem_alloc(m->n_rules * sizeof *globs);
    size_t n = 0;
    for (size_t i = 0; i < m->n_rules; i++) {
        const struct mapping_rule *rule = &m->rules[i].rule;
        if (!rule->regex)
            globs[n++] = (struct mapping_glob){ rule->match, (uint32_t)i, rule->classes };
    }
    m->globs = mapping_globs_new(globs, n, m->unordered);
    free(globs);
}

int mapping_new(const struct mapping_opts *opts, struct mapping **ret)
{
    struct mapping *m = mem_zalloc(sizeof *m);
    int rc = 0;
    m->unordered = opts->unordered;
    m->captures = 1;
    m->rules = mem_alloc(opts->n_rules * sizeof *m->rules);
    m->regexes = mem_alloc(opts->n_rules * sizeof *m->regexes);
    for (size_t i = 0; i < opts->n_rules; i++)
        rc = add_rule(m, opts, i) < 0 ? -EINVAL : rc;
    if (rc < 0) {
        mapping_free(m);
        return rc;
    }
    add_globs(m);
    *ret = m;
    return 0;
}

void mapping_free(struct mapping *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n_rules; i++)
        release_rule(&m->rules[i]);
    mapping_globs_free(m->globs);
    free(m->rules);
    free(m->regexes);
    free(m);
}

size_t mapping_rules(const struct mapping *m)
{
    return m->n_rules;
}

bool mapping_is_unordered(const struct mapping *m)
{
    return m->unordered;
}

const struct mapping_rule *mapping_rule_at(const struct mapping *m, size_t i)
{
    assert(i < m->n_rules);
    return &m->rules[i].rule;
}

const struct mapping_regex *mapping_regex_at(const struct mapping *m, size_t i)
{
    assert(i < m->n_rules);
    return m->rules[i].regex;
}

unsigned mapping_groups(const struct mapping *m)
{
    return m->groups;
}

static size_t template_memory(const struct mapping_template *t)
{
    return t->n * sizeof *t->parts;
}

size_t mapping_memory(const struct mapping *m)
{
    size_t n = sizeof *m + m->n_rules * (sizeof *m->rules + sizeof *m->regexes) +
               mapping_globs_memory(m->globs);
    for (size_t i = 0; i < m->n_rules; i++) {
        const struct compiled *c = &m->rules[i];
        n += sizeof *c + texts_size(&c->rule) + template_memory(&c->name);
        n += c->regex != NULL ? mapping_regex_memory(c->regex) : 0;
        for (size_t j = 0; j < c->rule.n_labels; j++)
            n += sizeof c->labels[j] + sizeof c->values[j] + template_memory(&c->values[j]);
    }
    return n;
}

/* --- the scratch */

struct mapping_scratch *mapping_scratch_new(const struct mapping *m)
{
    struct mapping_scratch *s = mem_zalloc(sizeof *s);
    s->made_for = m;
    s->captures = mem_alloc(m->captures * sizeof *s->captures);
    s->places = mem_alloc(mapping_globs_longest(m->globs) * sizeof *s->places);
    s->regex = m->n_regexes > 0 ? mapping_regex_scratch_new(m->groups, 1) : NULL;
    return s;
}

void mapping_scratch_free(struct mapping_scratch *s)
{
    if (s == NULL)
        return;
    mapping_regex_scratch_free(s->regex);
    free(s->captures);
    free(s->places);
    free(s);
}

uint64_t mapping_limit_hits(const struct mapping_scratch *s)
{
    return s->regex != NULL ? mapping_regex_limit_hits(s->regex) : 0;
}

size_t mapping_scratch_memory(const struct mapping *m)
{
    return sizeof(struct mapping_scratch) + m->captures * sizeof(struct slice) +
           mapping_globs_longest(m->globs) * sizeof(struct mapping_place) +
           (m->n_regexes > 0 ? mapping_regex_scratch_memory(m->groups) : 0);
}

/* --- the search */

static const struct compiled *find_regex(const struct mapping *m, struct mapping_scratch *s,
                                         struct slice name, enum mapping_class c)
{
    if (m->n_regexes == 0 || !utf8_valid(name))
        return NULL;
    for (size_t i = 0; i < m->n_regexes; i++) {
        const struct compiled *rule = &m->rules[m->regexes[i]];
        if (rule->rule.classes & 1u << c &&
            mapping_regex_find(rule->regex, s->regex, name, s->captures))
            return rule;
    }
    return NULL;
}

bool mapping_find(const struct mapping *m, struct mapping_scratch *s, struct slice name,
                  enum mapping_class c, struct mapping_match *ret)
{
    assert(s->made_for == m && c < MAPPING_CLASS_COUNT);
    const struct compiled *found;
    *ret = (struct mapping_match){ .captures = s->captures };
    const char *text;
    uint32_t glob = mapping_globs_find(m->globs, s->places, name, c, &text);
    if (glob != MAPPING_GLOB_NONE) {
        ret->rule = &m->rules[glob].rule;
        ret->n_captures = mapping_glob_captures(text, name, s->captures);
    } else if ((found = find_regex(m, s, name, c)) != NULL) {
        ret->rule = &found->rule;
        ret->n_captures = mapping_regex_groups(found->regex) + 1;
    }
    return ret->rule != NULL;
}

/* --- name, labels and options of a match */

static const struct compiled *compiled_of(const struct mapping_match *match)
{
    assert(match->rule != NULL);
    return (const struct compiled *)match->rule;
}

void mapping_name(const struct mapping_match *match, struct buf *out)
{
    mapping_template_fill(&compiled_of(match)->name, match->captures, match->n_captures, out);
}

bool mapping_name_is_empty(const struct mapping_match *match)
{
    return mapping_template_is_empty(&compiled_of(match)->name, match->captures, match->n_captures);
}

void mapping_label(const struct mapping_match *match, size_t i, struct buf *out)
{
    assert(i < match->rule->n_labels);
    mapping_template_fill(&compiled_of(match)->values[i], match->captures, match->n_captures, out);
}

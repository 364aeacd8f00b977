/**
 * Any rules and names: a glob is found where a search through all globs finds it, with the same
 * captures; what a regex captures is a part of the name; templates and near misses come to an end.
 *
 *     o            u: glob_disable_ordering; anything else: the order of the file
 *     g7 a.*.c     a glob and its classes, a bit each
 *     r1 ^a        a regex
 *     x.y          anything else: a name to look up in the rules above it and below
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/mapping.h"
#include "aggregate/mapping_near.h"
#include "base/mem.h"
#include "config/mapping_syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RULES_MAX = 200, NAMES_MAX = 50, COMPONENTS_MAX = 64 };

struct input {
    struct mapping_rule rules[RULES_MAX];
    struct slice names[NAMES_MAX];
    size_t n_rules, n_names;
};

static const struct mapping_label label = { "l", "$0$1${2}$$${who}" };

/* returns  what the `*` of glob stand for, captures[0] the name; 0: no match */
static size_t match_one(struct slice glob, struct slice name, struct slice *captures)
{
    size_t n = 0;
    captures[n++] = name;
    for (bool more = true; more;) {
        struct slice g = glob, k = name;
        more = slice_cut(&glob, '.', &g);
        if (more != slice_cut(&name, '.', &k))
            return 0;
        if (slice_eq(g, SLICE_LIT("*")))
            captures[n++] = k;
        else if (!slice_eq(g, k))
            return 0;
    }
    return n;
}

/* Both match the same name. */
static bool is_more_left(struct slice a, struct slice b)
{
    for (bool more = true; more;) {
        struct slice x = a, y = b;
        more = slice_cut(&a, '.', &x);
        slice_cut(&b, '.', &y);
        bool star_x = slice_eq(x, SLICE_LIT("*")), star_y = slice_eq(y, SLICE_LIT("*"));
        if (star_x != star_y)
            return star_y;
    }
    return false;
}

/* returns  the number of the glob; n_rules: none matches */
static size_t search(const struct input *in, bool unordered, struct slice name, unsigned class)
{
    struct slice captures[COMPONENTS_MAX + 1];
    size_t best = in->n_rules;
    for (size_t i = 0; i < in->n_rules; i++) {
        const struct mapping_rule *r = &in->rules[i];
        struct slice glob = slice_str(r->match);
        if (r->regex || !(r->classes >> class & 1) || match_one(glob, name, captures) == 0)
            continue;
        if (best == in->n_rules ||
            (unordered && is_more_left(glob, slice_str(in->rules[best].match))))
            best = i;
    }
    return best;
}

static void check_captures(const struct mapping_match *m, struct slice name)
{
    struct slice captures[COMPONENTS_MAX + 1];
    if (!m->rule->regex) {
        size_t n = match_one(slice_str(m->rule->match), name, captures);
        assert(n > 0 && n == m->n_captures);
        for (size_t i = 0; i < n; i++)
            assert(slice_eq(captures[i], m->captures[i]));
        return;
    }
    assert(m->n_captures > 0);
    for (size_t i = 0; i < m->n_captures; i++) {
        const struct slice *at = &m->captures[i];
        assert(at->len == 0 || (at->ptr >= name.ptr && at->ptr + at->len <= name.ptr + name.len));
    }
}

static void look_up(const struct input *in, const struct mapping *m, struct mapping_scratch *s,
                    struct slice from)
{
    struct buf out = { 0 };
    struct mapping_near *n = mapping_near_new(m);
    while (mapping_near_prepare(n))
        ;
    char *exact = mem_alloc(from.len);
    memcpy(exact, from.ptr, from.len);
    struct slice name = slice_of(exact, from.len);
    for (unsigned class = 0; class < MAPPING_CLASS_COUNT; class ++) {
        struct mapping_match match;
        const struct mapping_rule *near = NULL;
        size_t want = search(in, mapping_is_unordered(m), name, class);
        bool found = mapping_find(m, s, name, (enum mapping_class) class, &match);
        assert(found == (match.rule != NULL));
        if (want < in->n_rules)
            assert(found && match.rule == mapping_rule_at(m, want));
        else
            assert(!found || match.rule->regex);
        if (found) {
            assert(match.rule->classes >> class & 1);
            check_captures(&match, name);
            mapping_name(&match, &out);
            mapping_label(&match, 0, &out);
        }
        if (mapping_near_miss(n, name, (enum mapping_class) class, match.rule, &near, &out))
            assert(near != NULL && near != match.rule);
    }
    free(exact);
    mapping_near_free(n);
    buf_release(&out);
}

static void add_line(struct input *in, struct slice line)
{
    bool glob = slice_starts(line, SLICE_LIT("g")), regex = slice_starts(line, SLICE_LIT("r"));
    if (in->n_rules < RULES_MAX && (glob || regex) && line.len > 2 && line.ptr[2] == ' ') {
        struct slice match = slice_of(line.ptr + 3, line.len - 3);
        size_t dots = 0;
        for (size_t i = 0; i < match.len; i++)
            dots += match.ptr[i] == '.';
        if (memchr(match.ptr, 0, match.len) != NULL ||
            (glob && (mapping_syntax_glob(match) != NULL || dots >= COMPONENTS_MAX)))
            return;
        unsigned classes = (unsigned char)line.ptr[1] & 7;
        in->rules[in->n_rules++] =
            (struct mapping_rule){ .match = mem_strndup(match.ptr, match.len),
                                   .regex = regex,
                                   .classes = (uint8_t)(classes != 0 ? classes : 7),
                                   .name = "n_${1}_$2$x",
                                   .labels = &label,
                                   .n_labels = 1,
                                   .line = 1 };
    } else if (in->n_names < NAMES_MAX)
        in->names[in->n_names++] = line;
}

static void on_error(void *cookie, size_t rule, const char *text)
{
    const struct input *in = cookie;
    assert(rule < in->n_rules && in->rules[rule].regex && text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct input in;
    struct slice rest = slice_of((const char *)data, size), line;
    struct mapping *m;
    bool unordered = slice_starts(rest, SLICE_LIT("u"));
    in.n_rules = in.n_names = 0;
    while (slice_cut(&rest, '\n', &line))
        add_line(&in, line);
    if (rest.len > 0)
        add_line(&in, rest);
    const struct mapping_opts opts = { .rules = in.rules,
                                       .n_rules = in.n_rules,
                                       .unordered = unordered,
                                       .on_error = on_error,
                                       .cookie = &in };
    if (mapping_new(&opts, &m) == 0) {
        struct mapping_scratch *s = mapping_scratch_new(m);
        assert(mapping_rules(m) == in.n_rules && mapping_is_unordered(m) == unordered);
        for (size_t i = 0; i < in.n_names; i++)
            look_up(&in, m, s, in.names[i]);
        mapping_scratch_free(s);
        mapping_free(m);
    }
    for (size_t i = 0; i < in.n_rules; i++)
        free((char *)(uintptr_t)in.rules[i].match);
    return 0;
}

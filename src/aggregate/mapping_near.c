/*
 * In this file: words that nearly agree, how far a glob is from a name, what to say of it, and the
 * search for the nearest rule.  Simple: for people.
 */
#include "aggregate/mapping_near.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/mapping_glob.h"
#include "aggregate/mapping_priv.h"
#include "base/mem.h"
#include "base/utf8.h"

/* The nearest first. */
enum miss {
    MISS_CLASS,
    MISS_CASE,     /* of letters, in any number of components */
    MISS_SPELLING, /* of one component, by a letter or two */
    MISS_TOO_LONG, /* the name, by a component */
    MISS_TOO_SHORT,
    MISS_COMPONENT, /* one is another one */
    MISS_NONE
};

struct candidate {
    enum miss miss;
    size_t shared; /* components that are the same, but for those that are `*` */
    size_t place;  /* of the component that is at fault, from 0 */
    const struct mapping_rule *rule;
};

struct words {
    struct slice *at;
    size_t n, cap;
};

/* A regex that tries that many ways is no near miss of anybody's. */
enum { STEPS_DIVISOR = 16 };

struct mapping_near {
    const struct mapping *m;
    struct mapping_regex **folded; /* of each rule so far; NULL: a glob */
    size_t n_prepared, n_regexes;
    struct mapping_regex_scratch *scratch;
    struct slice *captures;
    struct words glob_words, name_words;
};

/* --- words */

static void split(struct words *w, struct slice text)
{
    if (text.ptr == NULL)
        text = SLICE_LIT("");
    for (w->n = 0; text.ptr != NULL; w->n++) {
        w->at = mem_grow(w->at, &w->cap, w->n + 1, sizeof *w->at);
        w->at[w->n] = mapping_glob_component(&text);
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool same_but_for_case(struct slice a, struct slice b)
{
    bool same = a.len == b.len;
    for (size_t i = 0; same && i < a.len; i++)
        same = lower(a.ptr[i]) == lower(b.ptr[i]);
    return same;
}

static size_t least_of(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Letters put in, left out or changed (Levenshtein): one or two, and less than half of the word. */
static bool is_misspelt(struct slice has, struct slice wants)
{
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1] = { 0 };
    if (has.len > LONGEST || wants.len > LONGEST)
        return false;
    for (size_t j = 0; j <= wants.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= has.len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= wants.len; j++) {
            size_t change = corner + (lower(has.ptr[i - 1]) != lower(wants.ptr[j - 1]));
            corner = row[j];
            row[j] = least_of(change, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[wants.len] <= 2 && 2 * row[wants.len] < wants.len;
}

/* --- a glob and a name */

static void compare_same_length(const struct words *glob, const struct words *name,
                                struct candidate *c)
{
    size_t cases = 0, others = 0;
    for (size_t i = 0; i < name->n; i++) {
        struct slice wants = glob->at[i], has = name->at[i];
        if (mapping_glob_is_star(wants))
            continue;
        if (slice_eq(wants, has)) {
            c->shared++;
            continue;
        }
        bool by_case = same_but_for_case(wants, has);
        cases += by_case;
        others += !by_case;
        c->place = i;
    }
    if (cases + others == 0)
        c->miss = MISS_CLASS;
    else if (others == 0)
        c->miss = MISS_CASE;
    else if (others + cases == 1 && is_misspelt(name->at[c->place], glob->at[c->place]))
        c->miss = MISS_SPELLING;
    else if (others + cases == 1 && c->shared > 0)
        c->miss = MISS_COMPONENT;
}

static bool agree(const struct words *glob, size_t g, const struct words *name, size_t n)
{
    return mapping_glob_is_star(glob->at[g]) || slice_eq(glob->at[g], name->at[n]);
}

/*
 * One has a word more: do they agree without it?  What is before it has to agree from the front,
 * what is behind it from the back.  If it may be one or another, a `*` is missed sooner than a
 * word, and the last sooner than the first.
 */
static void compare_without_one(const struct words *glob, const struct words *name,
                                struct candidate *c)
{
    size_t n = glob->n < name->n ? glob->n : name->n, ahead = 0, behind = 0;
    while (ahead < n && agree(glob, ahead, name, ahead))
        ahead++;
    while (behind < n && agree(glob, glob->n - 1 - behind, name, name->n - 1 - behind))
        behind++;
    if (ahead + behind < n)
        return;
    c->place = ahead;
    for (size_t p = n - behind; p <= ahead && glob->n > name->n; p++)
        if (mapping_glob_is_star(glob->at[p]))
            c->place = p;
    for (size_t i = 0; i < glob->n; i++)
        c->shared += !mapping_glob_is_star(glob->at[i]) && (i != c->place || glob->n < name->n);
    if (c->shared > 0)
        c->miss = glob->n < name->n ? MISS_TOO_LONG : MISS_TOO_SHORT;
}

static void compare_glob(const struct words *glob, const struct words *name, struct candidate *c)
{
    if (glob->n == name->n)
        compare_same_length(glob, name, c);
    else if (glob->n + 1 == name->n || glob->n == name->n + 1)
        compare_without_one(glob, name, c);
}

/* --- a regex and a name */

static bool regex_finds(struct mapping_near *n, const struct mapping_regex *re, struct slice name)
{
    return re != NULL && mapping_regex_find(re, n->scratch, name, n->captures);
}

static void compare_regex(struct mapping_near *n, size_t rule, struct slice name,
                          struct candidate *c)
{
    if (!utf8_valid(name))
        return;
    if (regex_finds(n, mapping_regex_at(n->m, rule), name))
        c->miss = MISS_CLASS;
    else if (regex_finds(n, n->folded[rule], name))
        c->miss = MISS_CASE;
}

/* --- what to say */

static void append_classes(uint8_t classes, struct buf *why)
{
    static const char *const names[] = { "counters", "gauges", "observers (ms, h, d)" };
    static_assert(ARRAY_LEN(names) == MAPPING_CLASS_COUNT, "every class needs its name");
    const char *between = "";
    for (int c = 0; c < MAPPING_CLASS_COUNT; c++) {
        if (!(classes & 1u << c))
            continue;
        buf_printf(why, "%s%s", between, names[c]);
        between = " and ";
    }
}

static void append_quoted(struct slice text, struct buf *why)
{
    buf_append_char(why, '"');
    buf_append_slice(why, text);
    buf_append_char(why, '"');
}

static void explain(const struct candidate *best, const struct words *glob,
                    const struct words *name, struct buf *why)
{
    size_t i = best->place;
    if (best->miss == MISS_CLASS) {
        buf_append_str(why, "it is for ");
        append_classes(best->rule->classes, why);
        buf_append_str(why, " only");
    } else if (best->rule->regex) {
        buf_append_str(why, "upper and lower case differ");
    } else if (best->miss == MISS_TOO_LONG) {
        buf_printf(why, "the name has one component more, component %zu ", i + 1);
        append_quoted(name->at[i], why);
    } else if (best->miss == MISS_TOO_SHORT) {
        buf_printf(why, "the name has one component less, none for component %zu ", i + 1);
        append_quoted(glob->at[i], why);
    } else {
        buf_printf(why, "component %zu is ", i + 1);
        append_quoted(name->at[i], why);
        buf_append_str(why, ", not ");
        append_quoted(glob->at[i], why);
    }
}

/* --- the nearest rule */

/* Of two globs of one length, with `unordered`: <0 when a wins. */
static int compare_shapes(const char *a, const char *b)
{
    struct slice left = slice_str(a), right = slice_str(b);
    while (left.ptr != NULL && right.ptr != NULL) {
        bool star = mapping_glob_is_star(mapping_glob_component(&left));
        if (star != mapping_glob_is_star(mapping_glob_component(&right)))
            return star ? 1 : -1;
    }
    return 0;
}

/* Would a have been taken before b, which was?  Rules lie in the order of declaration. */
static bool wins(const struct mapping *m, const struct mapping_rule *a, bool a_is_earlier,
                 const struct mapping_rule *b)
{
    if (a->regex != b->regex)
        return b->regex;
    int c = mapping_is_unordered(m) && !a->regex ? compare_shapes(a->match, b->match) : 0;
    return c != 0 ? c < 0 : a_is_earlier;
}

static bool is_nearer(const struct candidate *a, const struct candidate *b)
{
    return a->miss != b->miss ? a->miss < b->miss : a->shared > b->shared;
}

struct search {
    struct mapping_near *n;
    struct slice name;
    enum mapping_class class;
    const struct mapping_rule *match; /* that the name falls under, or NULL */
    bool past_match;
};

/* How near rule i is; one of another class has to agree in all the rest. */
static void look_at(struct search *s, size_t i, struct candidate *c)
{
    bool of_class = c->rule->classes & 1u << s->class;
    if (s->match != NULL && !wins(s->n->m, c->rule, !s->past_match, s->match))
        return;
    if (c->rule->regex) {
        compare_regex(s->n, i, s->name, c);
    } else {
        split(&s->n->glob_words, slice_str(c->rule->match));
        compare_glob(&s->n->glob_words, &s->n->name_words, c);
    }
    /* Of the class and nothing amiss: it matches, hidden by another */
    if (of_class == (c->miss == MISS_CLASS) || (s->match != NULL && c->miss > MISS_CASE))
        c->miss = MISS_NONE;
}

bool mapping_near_miss(struct mapping_near *n, struct slice name, enum mapping_class c,
                       const struct mapping_rule *match, const struct mapping_rule **ret,
                       struct buf *why)
{
    struct search s = { .n = n, .name = name, .class = c, .match = match };
    struct candidate best = { .miss = MISS_NONE };
    assert(n->n_prepared == mapping_rules(n->m));
    split(&n->name_words, name);
    for (size_t i = 0; i < mapping_rules(n->m); i++) {
        struct candidate this = { .miss = MISS_NONE, .rule = mapping_rule_at(n->m, i) };
        if (this.rule == s.match)
            s.past_match = true;
        else
            look_at(&s, i, &this);
        if (is_nearer(&this, &best))
            best = this;
    }
    if (best.miss == MISS_NONE)
        return false;
    split(&n->glob_words, slice_str(best.rule->match));
    explain(&best, &n->glob_words, &n->name_words, why);
    *ret = best.rule;
    return true;
}

/* --- its life */

struct mapping_near *mapping_near_new(const struct mapping *m)
{
    struct mapping_near *n = mem_zalloc(sizeof *n);
    n->m = m;
    n->folded = mem_zalloc((mapping_rules(m) + 1) * sizeof *n->folded);
    n->scratch = mapping_regex_scratch_new(mapping_groups(m), STEPS_DIVISOR);
    n->captures = mem_alloc((mapping_groups(m) + 1) * sizeof *n->captures);
    return n;
}

void mapping_near_free(struct mapping_near *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < n->n_prepared; i++)
        mapping_regex_free(n->folded[i]);
    mapping_regex_scratch_free(n->scratch);
    free(n->folded);
    free(n->captures);
    free(n->glob_words.at);
    free(n->name_words.at);
    free(n);
}

bool mapping_near_prepare(struct mapping_near *n)
{
    bool compiled = false;
    while (!compiled && n->n_prepared < mapping_rules(n->m)) {
        const struct mapping_rule *rule = mapping_rule_at(n->m, n->n_prepared);
        struct buf why = { 0 };
        compiled = rule->regex;
        /* It compiled with regard to case; if it does not without, it is looked at once. */
        if (rule->regex &&
            mapping_regex_new(rule->match, true, &n->folded[n->n_prepared], &why) == 0)
            n->n_regexes++;
        buf_release(&why);
        n->n_prepared++;
    }
    return n->n_prepared < mapping_rules(n->m);
}

size_t mapping_near_regexes(const struct mapping_near *n)
{
    return n->n_regexes;
}

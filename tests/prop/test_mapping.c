/*
 * Random sets of rules and random names, held against a matcher that tries each rule by itself.
 * Components are few and short, so that globs overlap, repeat and differ in one place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/mapping.h"
#include "base/mem.h"

enum { MAPPINGS = 400, NAMES = 200, RULES_MAX = 1000, TEXT_MAX = 80 };

struct random {
    uint64_t state;
};

static unsigned below(struct random *r, unsigned n)
{
    r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((r->state >> 33) % n);
}

/* How a set of rules is made. */
struct taste {
    unsigned components, words, stars; /* the most; how many; one in so many is `*` */
};

struct set {
    struct mapping_rule rules[RULES_MAX];
    char match[RULES_MAX][TEXT_MAX], name[RULES_MAX][16];
    size_t n;
};

static void text(struct random *r, const struct taste *t, bool glob, char *ret)
{
    static const char *const words[] = { "a", "b", "ab", "A", "c1", "x-y", "abc", "_" };
    static const char *const strange[] = { "", "*", "ba", "aa", "\xc3\xa9" };
    unsigned n = 1 + below(r, t->components);
    *ret = '\0';
    for (unsigned i = 0; i < n; i++) {
        const char *word = words[below(r, t->words)];
        if (glob && below(r, t->stars) == 0)
            word = "*";
        if (!glob && below(r, 12) == 0)
            word = strange[below(r, 5)];
        strcat(strcat(ret, i > 0 ? "." : ""), word);
    }
}

static void draw(struct random *r, struct set *s)
{
    struct taste t = { 1 + below(r, 9), 1 + below(r, 8), 1 + below(r, 5) };
    s->n = below(r, 8) == 0 ? below(r, 3) : below(r, 300);
    for (size_t i = 0; i < s->n; i++) {
        text(r, &t, true, s->match[i]);
        snprintf(s->name[i], sizeof s->name[i], "r%zu", i);
        s->rules[i] = (struct mapping_rule){ .match = s->match[i],
                                             .classes = (uint8_t)(1 + below(r, 7)),
                                             .name = s->name[i] };
        if (below(r, 3) > 0)
            s->rules[i].classes = 7;
    }
}

/* returns  the `*` of glob stand for ret[1..n - 1]; 0: no match */
static size_t match_one(const char *glob, const char *name, struct slice *ret)
{
    size_t n = 0;
    ret[n++] = slice_str(name);
    for (;;) {
        size_t g = strcspn(glob, "."), k = strcspn(name, ".");
        if (g == 1 && *glob == '*')
            ret[n++] = slice_of(name, k);
        else if (g != k || memcmp(glob, name, g) != 0)
            return 0;
        if (glob[g] != name[k])
            return 0;
        if (glob[g] == '\0')
            return n;
        glob += g + 1;
        name += k + 1;
    }
}

/* Both match the same name. */
static bool is_more_left(const char *a, const char *b)
{
    for (;;) {
        size_t i = strcspn(a, "."), j = strcspn(b, ".");
        bool star_a = i == 1 && *a == '*', star_b = j == 1 && *b == '*';
        if (star_a != star_b)
            return star_b;
        if (a[i] == '\0')
            return false;
        a += i + 1;
        b += j + 1;
    }
}

static size_t oracle(const struct set *s, bool unordered, const char *name, int class)
{
    struct slice captures[TEXT_MAX];
    size_t best = s->n;
    for (size_t i = 0; i < s->n; i++) {
        if (!(s->rules[i].classes & 1u << class) || match_one(s->match[i], name, captures) == 0)
            continue;
        if (best == s->n || (unordered && is_more_left(s->match[i], s->match[best])))
            best = i;
    }
    return best;
}

static void check_name(const struct set *s, const struct mapping *m,
                       struct mapping_scratch *scratch, const char *name, int class)
{
    struct slice captures[TEXT_MAX];
    struct mapping_match match;
    size_t want = oracle(s, mapping_is_unordered(m), name, class), len = strlen(name);
    char *exact = mem_alloc(len);
    memcpy(exact, name, len);
    bool found = mapping_find(m, scratch, slice_of(exact, len), (enum mapping_class) class, &match);
    if (found != (want < s->n) || (found && match.rule != mapping_rule_at(m, want)))
        fail_msg("%s: %s, not %s", name, found ? match.rule->match : "none",
                 want < s->n ? s->match[want] : "none");
    if (found) {
        size_t n = match_one(s->match[want], name, captures);
        assert_int_equal(match.n_captures, n);
        for (size_t i = 0; i < n; i++)
            assert_true(slice_eq(match.captures[i], captures[i]));
    }
    free(exact);
}

static void the_rule_found_is_that_of_a_search_through_all(void **unused)
{
    (void)unused;
    struct random r = { 9 };
    struct set *s = mem_zalloc(sizeof *s);
    char name[TEXT_MAX];
    for (int i = 0; i < MAPPINGS; i++) {
        struct mapping *m;
        draw(&r, s);
        struct mapping_opts opts = { .rules = s->rules,
                                     .n_rules = s->n,
                                     .unordered = below(&r, 2) == 0 };
        assert_int_equal(mapping_new(&opts, &m), 0);
        struct mapping_scratch *scratch = mapping_scratch_new(m);
        struct taste t = { 9, 1 + below(&r, 8), 1 };
        for (int k = 0; k < NAMES; k++) {
            /* Half of the names are made from a rule, so that they match something */
            text(&r, &t, false, name);
            if (s->n > 0 && below(&r, 2) == 0)
                strcpy(name, s->match[below(&r, (unsigned)s->n)]);
            check_name(s, m, scratch, name, (int)below(&r, MAPPING_CLASS_COUNT));
        }
        mapping_scratch_free(scratch);
        mapping_free(m);
    }
    free(s);
}

/* Every way of having `a` or `*` in eight places: more shapes than there are bits for them. */
enum { PLACES = 8, ENDS = 3, SHAPES = ENDS << PLACES };
static const char *const ends[ENDS] = { "z.y", "y.z", "z.z" };

static void draw_name(struct random *r, char *ret)
{
    ret[0] = '\0';
    for (int p = 0; p < PLACES; p++)
        strcat(ret, below(r, 3) ? "a." : "b.");
    strcat(ret, below(r, 3) ? ends[below(r, ENDS)] : "y.y");
}

static void hundreds_of_shapes_are_no_different(void **unused)
{
    (void)unused;
    struct random r = { 3 };
    struct set *s = mem_zalloc(sizeof *s);
    char name[TEXT_MAX];
    for (s->n = 0; s->n < SHAPES; s->n++) {
        char *match = s->match[s->n];
        for (int p = 0; p < PLACES; p++)
            strcat(match, s->n / ENDS >> p & 1 ? "a." : "*.");
        strcat(match, ends[s->n % ENDS]);
        s->rules[s->n] = (struct mapping_rule){ .match = match, .classes = 7, .name = "n" };
    }
    for (int unordered = 0; unordered < 2; unordered++) {
        struct mapping_opts opts = { .rules = s->rules, .n_rules = s->n, .unordered = unordered };
        struct mapping *m;
        assert_int_equal(mapping_new(&opts, &m), 0);
        struct mapping_scratch *scratch = mapping_scratch_new(m);
        for (int k = 0; k < 1000; k++) {
            draw_name(&r, name);
            check_name(s, m, scratch, name, MAPPING_GAUGE);
        }
        mapping_scratch_free(scratch);
        mapping_free(m);
    }
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_found_is_that_of_a_search_through_all),
        cmocka_unit_test(hundreds_of_shapes_are_no_different),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

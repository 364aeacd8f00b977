#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/mapping.h"
#include "aggregate/mapping_near.h"
#include "base/mem.h"
#include "base/now.h"

enum { ALL = 7, COUNTERS = 1 << MAPPING_COUNTER, GAUGES = 1 << MAPPING_GAUGE };

/* Of up to six globs, regexes being those that begin with `re:`; named by their number. */
struct fixture {
    struct mapping_rule rules[6];
    struct mapping_label label;
    size_t n;
    struct mapping *m;
    struct mapping_scratch *s;
    char *name; /* of exact size, for the sanitizers */
};

static void add(struct fixture *f, const char *match, uint8_t classes, const char *label)
{
    static const char *const names[] = { "one", "two", "three", "four", "five", "six" };
    bool regex = strncmp(match, "re:", 3) == 0;
    if (label != NULL)
        f->label = (struct mapping_label){ "it", label };
    f->rules[f->n] = (struct mapping_rule){ .match = regex ? match + 3 : match,
                                            .regex = regex,
                                            .classes = classes,
                                            .name = names[f->n],
                                            .labels = &f->label,
                                            .n_labels = label != NULL,
                                            .profile = (uint8_t)f->n,
                                            .line = (unsigned)f->n + 1 };
    f->n++;
}

static void compile(struct fixture *f, bool unordered)
{
    struct mapping_opts opts = { .rules = f->rules, .n_rules = f->n, .unordered = unordered };
    assert_int_equal(mapping_new(&opts, &f->m), 0);
    f->s = mapping_scratch_new(f->m);
}

static bool find(struct fixture *f, const char *name, enum mapping_class c, struct mapping_match *m)
{
    size_t len = strlen(name);
    free(f->name);
    f->name = mem_alloc(len);
    memcpy(f->name, name, len);
    return mapping_find(f->m, f->s, slice_of(f->name, len), c, m);
}

static void release(struct fixture *f)
{
    mapping_scratch_free(f->s);
    mapping_free(f->m);
    free(f->name);
    *f = (struct fixture){ 0 };
}

/* --- which rule */

struct which {
    const char *rules[6];
    bool unordered;
    const char *name;
    const char *want; /* the rule's name, and its label, which is all captures; NULL: none */
};

static void check_which(const struct which *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fixture f = { 0 };
        struct mapping_match match;
        struct buf out = { 0 };
        for (size_t r = 0; r < 6 && rows[i].rules[r] != NULL; r++)
            add(&f, rows[i].rules[r], ALL, "$0 1=$1 2=$2 10=$10");
        compile(&f, rows[i].unordered);
        if (find(&f, rows[i].name, MAPPING_COUNTER, &match) != (rows[i].want != NULL))
            fail_msg("row %zu, %s: %s", i, rows[i].name, match.rule ? match.rule->name : "none");
        if (match.rule != NULL) {
            mapping_name(&match, &out);
            buf_append_str(&out, ": ");
            mapping_label(&match, 0, &out);
        } else {
            assert_null(rows[i].want);
            buf_append_str(&out, "none");
        }
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr, rows[i].want != NULL ? rows[i].want : "none");
        buf_release(&out);
        release(&f);
    }
}

static void a_glob_matches_component_by_component(void **unused)
{
    (void)unused;
    static const struct which rows[] = {
        { { "a.*.*" }, 0, "a.b.c", "one: a.b.c 1=b 2=c 10=" },
        { { "a.*.*" }, 0, "a.b.c.d", NULL },
        { { "a.*.*" }, 0, "a.b", NULL },
        { { "a.*.*" }, 0, "A.b.c", NULL },
        { { "*" }, 0, "test", "one: test 1=test 2= 10=" },
        { { "*" }, 0, "", "one:  1= 2= 10=" },
        { { "*" }, 0, "a.b", NULL },
        { { "a.*.c" }, 0, "a..c", "one: a..c 1= 2= 10=" },
        { { "a.*" }, 0, "a.", "one: a. 1= 2= 10=" },
        { { "a.*" }, 0, "a", NULL },
        { { "a" }, 0, "a.", NULL },
        { { "a" }, 0, ".a", NULL },
        { { "*.a" }, 0, ".a", "one: .a 1= 2= 10=" },
        { { "a.*.*" }, 0, "a.put/items/7.204", "one: a.put/items/7.204 1=put/items/7 2=204 10=" },
        { { "a.*" }, 0, "a.*", "one: a.* 1=* 2= 10=" },
        { { "a.b" }, 0, "a.*", NULL },
        { { "a.*" }, 0, "a.\xc3\xa9\xff", "one: a.\xc3\xa9\xff 1=\xc3\xa9\xff 2= 10=" },
        { { "t.*.*.*.*.*.*.*.*.*.*" },
          0,
          "t.a.b.c.d.e.f.g.h.i.j",
          "one: t.a.b.c.d.e.f.g.h.i.j 1=a 2=b 10=j" },
        { { "*.b.*.d" }, 0, "a.b.c.d", "one: a.b.c.d 1=a 2=c 10=" },
        { { "ab.c" }, 0, "a.bc", NULL },
        { { NULL }, 0, "a", NULL },
    };
    check_which(rows, ARRAY_LEN(rows));
}

static void the_first_declared_glob_wins(void **unused)
{
    (void)unused;
    static const struct which rows[] = {
        { { "a.b.c", "a.*.c" }, 0, "a.b.c", "one: a.b.c 1= 2= 10=" },
        { { "a.b.c", "a.*.c" }, 0, "a.x.c", "two: a.x.c 1=x 2= 10=" },
        { { "*.b", "a.*" }, 0, "a.b", "one: a.b 1=a 2= 10=" },
        { { "a.*", "*.b" }, 0, "a.b", "one: a.b 1=b 2= 10=" },
        { { "a.*.c", "a.*" }, 0, "a.b", "two: a.b 1=b 2= 10=" },
        { { "a.b.c", "a.b" }, 0, "a.b", "two: a.b 1= 2= 10=" },
        { { "a.b", "a.b" }, 0, "a.b", "one: a.b 1= 2= 10=" },
        { { "a.b.c", "a.*.c", "a.b.c" }, 0, "a.b.c", "one: a.b.c 1= 2= 10=" },
        { { "a.*.c.d", "a.b.*.e" }, 0, "a.b.c.d", "one: a.b.c.d 1=b 2= 10=" },
        { { "a.*.c.d", "a.b.*.e" }, 0, "a.b.c.e", "two: a.b.c.e 1=c 2= 10=" },
        { { "*.*", "a.*", "a.b" }, 0, "a.b", "one: a.b 1=a 2=b 10=" },
    };
    check_which(rows, ARRAY_LEN(rows));
}

static void unordered_a_literal_to_the_left_wins(void **unused)
{
    (void)unused;
    static const struct which rows[] = {
        { { "*.b", "a.*" }, 1, "a.b", "two: a.b 1=b 2= 10=" },
        { { "a.*.end", "a.mid.top" }, 1, "a.mid.end", "one: a.mid.end 1=mid 2= 10=" },
        { { "a.*.end", "a.mid.top" }, 1, "a.mid.top", "two: a.mid.top 1= 2= 10=" },
        { { "*.*", "a.*", "a.b" }, 1, "a.b", "three: a.b 1= 2= 10=" },
        { { "*.*", "a.*", "a.b" }, 1, "a.x", "two: a.x 1=x 2= 10=" },
        { { "*.b.c", "a.*.*" }, 1, "a.b.c", "two: a.b.c 1=b 2=c 10=" },
        { { "a.*.c", "a.b.*" }, 1, "a.b.c", "two: a.b.c 1=c 2= 10=" },
        { { "*.b", "*.b" }, 1, "a.b", "one: a.b 1=a 2= 10=" },
        { { "a.*.bbb", "a.x.aaa" }, 1, "a.x.bbb", "one: a.x.bbb 1=x 2= 10=" },
    };
    check_which(rows, ARRAY_LEN(rows));
}

static void regexes_come_after_globs_and_are_searched_in_order(void **unused)
{
    (void)unused;
    static const struct which rows[] = {
        { { "re:.*", "a.*" }, 0, "a.b", "two: a.b 1=b 2= 10=" },
        { { "re:.*", "a.*" }, 0, "b.b", "one: b.b 1= 2= 10=" },
        { { "re:a\\..*", "re:a\\.b" }, 0, "a.b", "one: a.b 1= 2= 10=" },
        { { "re:x", "re:(.)\\.(.)" }, 0, "za.by", "two: a.b 1=a 2=b 10=" },
        { { "re:foo" }, 0, "xfooy", "one: foo 1= 2= 10=" },
        { { "re:" }, 0, "anything", "one:  1= 2= 10=" },
        { { "re:" }, 0, "", "one:  1= 2= 10=" },
        { { "re:(a)|(b)" }, 0, "xb", "one: b 1= 2=b 10=" },
        { { "re:^(a|ab)(c|bcd)" }, 0, "abcd", "one: abcd 1=a 2=bcd 10=" },
        { { "re:^(a|b)\\.(.+)$" }, 0, "c.b.x", NULL },
        { { "re:." }, 0, "\xff", NULL },
    };
    check_which(rows, ARRAY_LEN(rows));
}

static void a_name_is_empty_when_nothing_comes_out_of_its_template(void **unused)
{
    (void)unused;
    static const char *const names[] = { "a",      "$1",         "$2",        "${1}${2}", "$9",
                                         "${9}_",  "$who",       "${nobody}", "$0",       "$9$9",
                                         "${2}$1", "$who${who}", "$$",        "" };
    static const char *const texts[] = { "xa", "xb", "x", "xab" };
    for (size_t n = 0; n < ARRAY_LEN(names); n++)
        for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
            struct fixture f = { 0 };
            struct mapping_match match;
            struct buf out = { 0 };
            add(&f, "re:^x(a?)(?P<who>b)?$", ALL, NULL);
            f.rules[0].name = names[n];
            compile(&f, false);
            assert_true(find(&f, texts[t], MAPPING_COUNTER, &match));
            mapping_name(&match, &out);
            assert_int_equal(mapping_name_is_empty(&match), out.len == 0);
            buf_release(&out);
            release(&f);
        }
}

static void a_rule_of_another_class_is_as_if_absent(void **unused)
{
    (void)unused;
    static const struct {
        enum mapping_class class;
        const char *name, *want;
    } rows[] = {
        { MAPPING_COUNTER, "fan.x", "one" },    { MAPPING_GAUGE, "fan.x", "two" },
        { MAPPING_OBSERVER, "fan.x", "three" }, { MAPPING_COUNTER, "r", "four" },
        { MAPPING_OBSERVER, "r", "five" },
    };
    struct fixture f = { 0 };
    struct mapping_match match;
    add(&f, "fan.*", COUNTERS, NULL);
    add(&f, "fan.*", GAUGES, NULL);
    add(&f, "*.*", ALL, NULL);
    add(&f, "re:r", COUNTERS | GAUGES, NULL);
    add(&f, "re:r", ALL, NULL);
    compile(&f, false);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(find(&f, rows[i].name, rows[i].class, &match));
        assert_string_equal(match.rule->name, rows[i].want);
    }
    release(&f);
}

/* --- templates */

static void a_template_is_filled_in_as_go_does_it(void **unused)
{
    (void)unused;
    static const struct {
        const char *match, *template, *name, *want;
    } rows[] = {
        { "a.*", "5 USD", "a.x", "5 USD" },
        { "a.*", "100%_${1}", "a.x", "100%_x" },
        { "a.*.*", "${1}${2}", "a.x.y", "xy" },
        { "a.*.*", "$1$2", "a.x.y", "xy" },
        { "a.*.*", "$2-$1-$2", "a.x.y", "y-x-y" },
        { "a.*", "$1_total", "a.x", "" },
        { "a.*", "${1}_total", "a.x", "x_total" },
        { "a.*", "x${9}y", "a.x", "xy" },
        { "a.*", "$0|${0}", "a.x", "a.x|a.x" },
        { "a.*", "$", "a.x", "$" },
        { "a.*", "$$", "a.x", "$" },
        { "a.*", "$$1", "a.x", "$1" },
        { "a.*", "$$$1", "a.x", "$x" },
        { "a.*", "cost$ $-$.", "a.x", "cost$ $-$." },
        { "a.*", "${", "a.x", "${" },
        { "a.*", "${}", "a.x", "${}" },
        { "a.*", "${1", "a.x", "${1" },
        { "a.*", "${1-}", "a.x", "${1-}" },
        { "a.*", "$01", "a.x", "" },
        { "a.*", "$99999999999999999999", "a.x", "" },
        { "a.*", "$1\xc3\xa9", "a.x", "x\xc3\xa9" },
        { "a.*", "$who", "a.x", "" },
        { "a.*", "$1", "a.$1", "$1" },
        { "re:(?P<who>\\w+)\\.(.)", "${who}=$2", "ab.c", "ab=c" },
        { "re:(?<who>\\w+)\\.(.)", "$who.", "ab.c", "ab." },
        { "re:(?P<who>\\w+)\\.(.)", "$whose", "ab.c", "" },
        { "re:(?P<1x>\\w+)", "$1x", "ab", "ab" },
        { "re:a(?P<x>b)?c", "[$x]", "ac", "[]" },
        { "re:(?:(?P<x>a)|(?P<x>b))", "$x", "b", "b" },
        { "re:(?:(?P<x>a)|(?P<x>b))", "<$x>", "a", "<a>" },
        { "re:(a)(b)?", "$0$1$2$3", "ab", "abab" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f = { 0 };
        struct mapping_match match;
        struct buf out = { 0 };
        add(&f, rows[i].match, ALL, rows[i].template);
        compile(&f, false);
        assert_true(find(&f, rows[i].name, MAPPING_GAUGE, &match));
        mapping_label(&match, 0, &out);
        buf_append_char(&out, '\0');
        if (strcmp(out.ptr, rows[i].want) != 0)
            fail_msg("%s: \"%s\"", rows[i].template, out.ptr);
        buf_release(&out);
        release(&f);
    }
}

/* --- regexes */

/* want: what $0 is; NULL: no match */
static void a_regex_means_what_it_means_to_re2(void **unused)
{
    (void)unused;
    static const struct {
        const char *regex, *name, *want;
    } rows[] = {
        { "(?i)^FOO$", "foo", "foo" },
        { "a$", "a\n", NULL },
        { "a\\z", "ba", "a" },
        { "(?m)a$", "a\nb", "a" },
        { "(?m)^$", "a\n", "" },
        { ".", "\n", NULL },
        { "(?s).", "\n", "\n" },
        { ".", "\xe2\x82\xac!", "\xe2\x82\xac" },
        { "\\pL+", "1\xc3\xa9t\xc3\xa9.", "\xc3\xa9t\xc3\xa9" },
        { "\xc3\xa9+", "e\xc3\xa9\xc3\xa9!", "\xc3\xa9\xc3\xa9" },
        { "\xe2\x82\xac", "\xe2\x82\xad\xe2\x82\xac", "\xe2\x82\xac" },
        { "[\xce\xb1-\xcf\x89]+", "a\xce\xb1\xcf\x89\xcf\x8a", "\xce\xb1\xcf\x89" },
        { "\xf0\x9f\x98\x80", "x\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
        { "\xf0\x9f\x98\x80", "x\xf0\x9f\x98\x81", NULL },
        { "\\p{Greek}", "a\xce\xb1", "\xce\xb1" },
        { "\\P{^Lu}", "aB", "B" },
        { "[[:alpha:]]+",
          "\xc3\xa9"
          "ab1",
          "ab" },
        { "[^[:^digit:]]+", "a42", "42" },
        { "\\w+",
          "\xc3\xa9"
          "a_1",
          "a_1" },
        { "\\s", "\v", NULL },
        { "[[:space:]]", "\v", "\v" },
        { "\\x{263a}|\\x41|\\101", "xA", "A" },
        { "\\Qa.b*\\E+", "a.b**", "a.b**" },
        { "\\Q[", "[", "[" },
        { "(?U)a+", "aaa", "a" },
        { "(?U)a+?", "aaa", "aaa" },
        { "a{,2}", "a{,2}", "a{,2}" },
        { "a{2", "a{2", "a{2" },
        { "a{2,3}?", "aaaa", "aa" },
        { "(a(?i)b)c", "aBC", NULL },
        { "(a(?i)b)c", "aBc", "aBc" },
        { "(?i:a)b", "Ab", "Ab" },
        { "(?i)k", "\xe2\x84\xaa", "\xe2\x84\xaa" },
        { "(?i)\\W", "\xe2\x84\xaa", NULL },
        { "[]a-]+", "]-a", "]-a" },
        { "[\\d-z]+", "1-z", "1-z" },
        { "[^a]", "\n", "\n" },
        { "^*a", "a", "a" },
        { "(|a)+", "aa", "" },
        { "#  x", "#  x", "#  x" },
        { "\\.\\-\\_\\/", ".-_/", ".-_/" },
        { "((((((((((a))))))))))", "a", "a" },
        { "(a{10}){100}", "a", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f = { 0 };
        struct mapping_match match;
        char rule[128];
        snprintf(rule, sizeof rule, "re:%s", rows[i].regex);
        add(&f, rule, ALL, NULL);
        compile(&f, false);
        bool found = find(&f, rows[i].name, MAPPING_COUNTER, &match);
        if (found != (rows[i].want != NULL) ||
            (found && !slice_eq(match.captures[0], slice_str(rows[i].want))))
            fail_msg("/%s/ in \"%s\"", rows[i].regex, rows[i].name);
        release(&f);
    }
}

struct complaint {
    size_t rule, n;
    char text[256];
};

static void complain(void *cookie, size_t rule, const char *text)
{
    struct complaint *c = cookie;
    c->rule = rule;
    c->n++;
    snprintf(c->text, sizeof c->text, "%s", text);
}

static void what_re2_does_not_know_is_refused_in_words(void **unused)
{
    (void)unused;
    static const struct {
        const char *regex, *says;
    } rows[] = {
        { "a(?=b)", "(?= (byte 2): looks ahead" },
        { "a(?!b)", "looks ahead" },
        { "(?<=a)b", "looks behind" },
        { "(?<!a)b", "looks behind" },
        { "(a)\\1", "\\1 (byte 4): is a backreference" },
        { "(a)\\9", "backreference" },
        { "(?P<n>a)(?P=n)", "backreference" },
        { "(?P<n>a)\\k<n>", "backreference" },
        { "(a)\\g{1}", "backreference" },
        { "(?>a)", "atomic" },
        { "a++", "possessive" },
        { "a*+", "possessive" },
        { "a**", "repeats a repetition" },
        { "a{2}{3}", "repeats a repetition" },
        { "(?(1)a|b)", "condition" },
        { "(?R)", "recursion" },
        { "(?1)", "no group that RE2 knows" },
        { "(?&n)", "recursion" },
        { "(?P>n)", "recursion" },
        { "(?|a|b)", "resets" },
        { "(?#c)", "comment" },
        { "(?C1)", "callout" },
        { "(?x)a", "flags are i, m, s and U" },
        { "(?i-)a", "flags are i, m, s and U" },
        { "(?^i)", "no group" },
        { "(?", "no group" },
        { "(?'n'a)", "(?P<name>" },
        { "(?P<a-b>c)", "name" },
        { "(?<>c)", "name" },
        { "(*UTF)a", "nothing before it to repeat" },
        { "*\\.foo", "* (byte 1): nothing before it to repeat" },
        { "a|*", "nothing before it" },
        { "(+)", "nothing before it" },
        { "(?i)*", "nothing before it" },
        { "a\\Kb", "moves the start" },
        { "a\\Z", "write \\z" },
        { "\\Ca", "single byte" },
        { "\\Ra", "line end" },
        { "\\Xa", "cluster" },
        { "\\Ga", "last match" },
        { "\\Na", "[^\\n]" },
        { "\\ha", "write [ \\t]" },
        { "\\ya", "is no escape" },
        { "\\\xc3\xa9", "is no escape" },
        { "a\\", "escapes nothing" },
        { "a\\E", "no \\Q" },
        { "\\x{110000}", "write \\x7f" },
        { "\\xg", "write \\x7f" },
        { "[\\Qa\\E]", "class" },
        { "[a", "] is missing" },
        { "[]", "] is missing" },
        { "[b-a]", "b-a (byte 2): the range ends" },
        { "[a-\\d]", "no escape" },
        { "[[:foo:]]", "[:foo:] (byte 2): there is no such class" },
        { "\\p{Foo}", "unknown property" },
        { "\\pQ", "no such property" },
        { "\\p", "missing" },
        { "\\p{L", "} is missing" },
        { "\\p{L}{", NULL },
        { "\\p{Script=Greek}", "no such property" },
        { "b(a)(c", "a ) is missing for the ( at byte 5" },
        { "a)", ") (byte 2): no ( before it" },
        { "a{1001}", "1000 times" },
        { "a{3,2}", "most is less" },
        { "(a{100}){11}", "1000 times" },
        { "((a{10}){10}){11}", "1000 times" },
        { "a\xff", "UTF-8" },
        { "(\\pL{400}\\PL{500}){3}", "1000 times" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mapping_rule rules[] = {
            { .match = "a", .classes = ALL, .name = "a" },
            { .match = rows[i].regex, .regex = true, .classes = ALL, .name = "b" }
        };
        struct complaint c = { 0 };
        struct mapping *m = NULL;
        struct mapping_opts opts = {
            .rules = rules, .n_rules = 2, .on_error = complain, .cookie = &c
        };
        int rc = mapping_new(&opts, &m);
        if (rc != (rows[i].says != NULL ? -22 : 0) || c.n != (rows[i].says != NULL) ||
            (rows[i].says != NULL && strstr(c.text, rows[i].says) == NULL))
            fail_msg("/%s/: %d, %s", rows[i].regex, rc, c.text);
        assert_int_equal(c.rule, rows[i].says != NULL);
        mapping_free(m);
    }
}

static void each_bad_regex_is_told_once(void **unused)
{
    (void)unused;
    struct fixture f = { 0 };
    struct complaint c = { 0 };
    struct mapping *m = NULL;
    add(&f, "re:(", ALL, "$1");
    add(&f, "a.*", ALL, NULL);
    add(&f, "re:)", ALL, NULL);
    struct mapping_opts opts = {
        .rules = f.rules, .n_rules = f.n, .on_error = complain, .cookie = &c
    };
    assert_int_equal(mapping_new(&opts, &m), -22);
    assert_null(m);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.rule, 2);
    opts.on_error = NULL;
    assert_int_equal(mapping_new(&opts, &m), -22);
}

static void groups_nest_up_to_a_depth(void **unused)
{
    (void)unused;
    static const struct {
        size_t depth;
        bool ok;
    } rows[] = { { 200, true }, { 201, false }, { 20000, false } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text = { 0 };
        for (size_t d = 0; d < rows[i].depth; d++)
            buf_append_str(&text, "(");
        for (size_t d = 0; d < rows[i].depth; d++)
            buf_append_str(&text, ")");
        buf_append_char(&text, '\0');
        struct mapping_rule rule = {
            .match = text.ptr, .regex = true, .classes = ALL, .name = "a"
        };
        struct mapping_opts opts = { .rules = &rule, .n_rules = 1 };
        struct mapping *m = NULL;
        assert_int_equal(mapping_new(&opts, &m) == 0, rows[i].ok);
        mapping_free(m);
        buf_release(&text);
    }
}

/* The time is far above what is measured, for sanitizers and loaded machines. */
static void a_catastrophic_regex_ends_by_a_limit_and_is_counted(void **unused)
{
    (void)unused;
    enum { MOST_MS = 2000 };
    static const struct {
        const char *regex;
        const char *piece; /* the name is many of it, then an end that does not match */
        size_t times;
    } rows[] = {
        { "re:(a+)+$", "a", 40 },
        { "re:(a|a)*$", "a", 60 },
        { "re:(a*)*b", "a", 0 },
        { "re:^(a|ab|b)*[cd]$", "ab", 200 },
        { "re:(.*)(.*)(.*)(.*)(.*)=$", "a", 500 },
        { "re:(a+)+$", "aaaaaaaaaaaaaaab", 30 },
        { "re:(\\w+\\.?)+$", "word.", 100 },
        { "re:(a+)+$", "aaaaaaaaaaaaaaab", 4000 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f = { 0 };
        struct mapping_match match;
        struct buf name = { 0 };
        add(&f, rows[i].regex, ALL, NULL);
        add(&f, "re:^", ALL, NULL);
        compile(&f, false);
        for (size_t t = 0; t < rows[i].times; t++)
            buf_append_str(&name, rows[i].piece);
        buf_append(&name, "!=!", 4);
        uint64_t from_ns = now_mono_ns();
        assert_true(find(&f, name.ptr, MAPPING_COUNTER, &match));
        uint64_t ms = (now_mono_ns() - from_ns) / 1000000;
        assert_string_equal(match.rule->name, "two");
        if (mapping_limit_hits(f.s) != (rows[i].times > 0) || ms > MOST_MS)
            fail_msg("%s, row %zu: %u hits, %u ms", rows[i].regex, i,
                     (unsigned)mapping_limit_hits(f.s), (unsigned)ms);
        buf_release(&name);
        release(&f);
    }
}

/* --- near misses */

static void a_near_miss_is_a_rule_that_one_thing_keeps_away(void **unused)
{
    (void)unused;
    static const struct {
        struct {
            const char *match;
            uint8_t classes;
        } rules[4];
        bool unordered;
        const char *name; /* of a counter */
        const char *rule, *why;
    } rows[] = {
        /* the class */
        { { { "a.*", GAUGES } }, 0, "a.b", "one", "it is for gauges only" },
        { { { "a.*", 6 } }, 0, "a.b", "one", "it is for gauges and observers (ms, h, d) only" },
        { { { "re:^a", GAUGES } }, 0, "a.b", "one", "it is for gauges only" },
        { { { "a.*", GAUGES } }, 0, "A.b", NULL, NULL },
        /* case */
        { { { "a.Foo", ALL } }, 0, "a.foo", "one", "component 2 is \"foo\", not \"Foo\"" },
        { { { "A.*.B", ALL } }, 0, "a.x.b", "one", "component 3 is \"b\", not \"B\"" },
        { { { "re:^Foo", ALL } }, 0, "foo", "one", "upper and lower case differ" },
        /* spelling */
        { { { "login", ALL } }, 0, "logn", "one", "component 1 is \"logn\", not \"login\"" },
        { { { "api.requests", ALL } },
          0,
          "api.request",
          "one",
          "component 2 is \"request\", not \"requests\"" },
        /* one more, one less */
        { { { "a.*.*", ALL } },
          0,
          "a.b.c.d",
          "one",
          "the name has one component more, component 4 \"d\"" },
        { { { "a.b.c", ALL } },
          0,
          "x.a.b.c",
          "one",
          "the name has one component more, component 1 \"x\"" },
        { { { "a.*.b", ALL } },
          0,
          "a.b",
          "one",
          "the name has one component less, none for component 2 \"*\"" },
        { { { "a.b.c", ALL } },
          0,
          "a.c",
          "one",
          "the name has one component less, none for component 2 \"b\"" },
        { { { "*.*", ALL } }, 0, "a", NULL, NULL },
        { { { "a.*", ALL } }, 0, "a.b.c.d", NULL, NULL },
        /* one that is another */
        { { { "a.red", ALL } }, 0, "a.blue", "one", "component 2 is \"blue\", not \"red\"" },
        { { { "red.*", ALL } }, 0, "blue.x", NULL, NULL },
        { { { "a.b.c", ALL } }, 0, "a.x.y", NULL, NULL },
        { { { "a.b.c", ALL } }, 0, "a.B.y", NULL, NULL },
        /* the nearest */
        { { { "a.red", ALL }, { "a.Blue", ALL }, { "a.*", GAUGES } },
          0,
          "a.blue",
          "three",
          "it is for gauges only" },
        { { { "a.b.x.x", ALL }, { "*.b.c.y", ALL }, { "a.b.c.z", ALL } },
          0,
          "a.b.c.d",
          "three",
          "component 4 is \"d\", not \"z\"" },
        { { { "a.x", ALL }, { "a.y", ALL } }, 0, "a.q", "one", "component 2 is \"q\", not \"x\"" },
        /* a rule that matches, and is hidden or not in need of help */
        { { { "*.b", ALL }, { "a.*", ALL } }, 0, "a.b", NULL, NULL },
        { { { "a.*", ALL }, { "a.b", GAUGES } }, 0, "a.b", NULL, NULL },
        { { { "a.b", GAUGES }, { "a.*", ALL } }, 0, "a.b", "one", "it is for gauges only" },
        { { { "a.*", ALL }, { "a.b", GAUGES } }, 1, "a.b", "two", "it is for gauges only" },
        { { { "a.c", ALL }, { "a.*", ALL } }, 0, "a.b", NULL, NULL },
        { { { "a.B", ALL }, { "a.*", ALL } }, 0, "a.b", "one", "component 2 is \"b\", not \"B\"" },
        { { { "re:.", ALL }, { "a.B", ALL } }, 0, "a.b", "two", "component 2 is \"b\", not \"B\"" },
        { { { "a.b", ALL }, { "re:.", GAUGES } }, 0, "a.b", NULL, NULL },
        { { { NULL, 0 } }, 0, "a.b", NULL, NULL },
        { { { "a.*", ALL } }, 0, "", NULL, NULL },
        { { { "re:x", ALL } }, 0, "\xff", NULL, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f = { 0 };
        const struct mapping_rule *rule = NULL;
        struct buf why = { 0 };
        for (size_t r = 0; r < 4 && rows[i].rules[r].match != NULL; r++)
            add(&f, rows[i].rules[r].match, rows[i].rules[r].classes, NULL);
        compile(&f, rows[i].unordered);
        struct mapping_match match;
        struct mapping_near *near = mapping_near_new(f.m);
        while (mapping_near_prepare(near))
            ;
        (void)find(&f, rows[i].name, MAPPING_COUNTER, &match);
        bool is = mapping_near_miss(near, slice_str(rows[i].name), MAPPING_COUNTER, match.rule,
                                    &rule, &why);
        buf_append_char(&why, '\0');
        if (is != (rows[i].rule != NULL) || (rule != NULL) != is ||
            strcmp(why.ptr, is ? rows[i].why : "") != 0 ||
            (is && strcmp(rule->name, rows[i].rule) != 0))
            fail_msg("row %zu, %s: %s, %s", i, rows[i].name, is ? rule->name : "none", why.ptr);
        mapping_near_free(near);
        buf_release(&why);
        release(&f);
    }
}

static void a_regex_is_compiled_once_for_all_near_misses(void **unused)
{
    (void)unused;
    struct fixture f = { 0 };
    const struct mapping_rule *rule = NULL;
    add(&f, "re:^Foo", ALL, NULL);
    add(&f, "a.*", ALL, NULL);
    add(&f, "re:^Bar", ALL, NULL);
    add(&f, "re:^Baz", ALL, NULL);
    compile(&f, false);
    struct mapping_near *near = mapping_near_new(f.m);
    for (size_t i = 1; i <= 3; i++) { /* one a call */
        assert_int_equal(mapping_near_prepare(near), i < 3);
        assert_int_equal(mapping_near_regexes(near), i);
    }
    for (size_t i = 0; i < 100; i++) {
        struct buf why = { 0 };
        assert_true(mapping_near_miss(near, SLICE_LIT("baz"), MAPPING_COUNTER, NULL, &rule, &why));
        assert_string_equal(rule->match, "^Baz");
        buf_release(&why);
    }
    assert_int_equal(mapping_near_regexes(near), 3);
    mapping_near_free(near);
    release(&f);
}

/* --- the object */

static void a_mapping_is_a_copy_of_its_rules(void **unused)
{
    (void)unused;
    struct fixture f = { 0 };
    struct mapping_match match;
    char glob[] = "a.*", regex[] = "re:(?P<who>x)", help[] = "what it is";
    add(&f, glob, GAUGES, "$1");
    add(&f, regex, ALL, "$who");
    f.rules[0].help = help;
    f.rules[0].drop = f.rules[0].honor_labels = true;
    compile(&f, true);
    memset(glob, '?', sizeof glob - 1);
    memset(regex, '?', sizeof regex - 1);
    memset(help, '?', sizeof help - 1);
    const struct mapping_rule *rule = mapping_rule_at(f.m, 0);
    assert_int_equal(mapping_rules(f.m), 2);
    assert_true(mapping_is_unordered(f.m));
    assert_string_equal(rule->match, "a.*");
    assert_string_equal(rule->help, "what it is");
    assert_true(rule->drop && rule->honor_labels);
    assert_int_equal(rule->line, 1);
    assert_true(find(&f, "a.b", MAPPING_GAUGE, &match));
    assert_ptr_equal(match.rule, rule);
    assert_int_equal(match.n_captures, 2);
    assert_true(find(&f, "yxz", MAPPING_GAUGE, &match));
    assert_ptr_equal(match.rule, mapping_rule_at(f.m, 1));
    assert_false(find(&f, "nothing", MAPPING_GAUGE, &match));
    assert_null(match.rule);
    assert_int_equal(match.n_captures, 0);
    release(&f);
}

static void memory_grows_with_the_rules(void **unused)
{
    (void)unused;
    struct fixture f = { 0 };
    compile(&f, false);
    size_t none = mapping_memory(f.m), scratch = mapping_scratch_memory(f.m);
    release(&f);
    add(&f, "a.*.b", ALL, "$1");
    compile(&f, false);
    size_t one = mapping_memory(f.m);
    release(&f);
    add(&f, "a.*.b", ALL, "$1");
    add(&f, "re:a+", ALL, "$1");
    compile(&f, false);
    assert_true(none < one && one < mapping_memory(f.m));
    assert_true(mapping_scratch_memory(f.m) > scratch);
    release(&f);
    mapping_free(NULL);
    mapping_scratch_free(NULL);
}

/* A name may have more components than any rule, and a rule more than any name. */
static void long_names_and_long_globs_are_fine(void **unused)
{
    (void)unused;
    enum { COMPONENTS = 30000 };
    struct fixture f = { 0 };
    struct mapping_match match;
    struct buf glob = { 0 }, name = { 0 };
    buf_append_str(&glob, "a");
    buf_append_str(&name, "a");
    for (int i = 1; i < COMPONENTS; i++) {
        buf_append_str(&glob, i % 2 ? ".*" : ".b");
        buf_append_str(&name, i % 2 ? "." : ".b");
    }
    buf_append_char(&glob, '\0');
    buf_append(&name, ".x", 3);
    add(&f, glob.ptr, ALL, NULL);
    compile(&f, false);
    assert_false(find(&f, name.ptr, MAPPING_COUNTER, &match));
    name.ptr[name.len - 3] = '\0';
    assert_true(find(&f, name.ptr, MAPPING_COUNTER, &match));
    assert_int_equal(match.n_captures, COMPONENTS / 2 + 1);
    assert_false(find(&f, "a.b", MAPPING_COUNTER, &match));
    buf_release(&glob);
    buf_release(&name);
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_glob_matches_component_by_component),
        cmocka_unit_test(the_first_declared_glob_wins),
        cmocka_unit_test(unordered_a_literal_to_the_left_wins),
        cmocka_unit_test(regexes_come_after_globs_and_are_searched_in_order),
        cmocka_unit_test(a_name_is_empty_when_nothing_comes_out_of_its_template),
        cmocka_unit_test(a_rule_of_another_class_is_as_if_absent),
        cmocka_unit_test(a_template_is_filled_in_as_go_does_it),
        cmocka_unit_test(a_regex_means_what_it_means_to_re2),
        cmocka_unit_test(what_re2_does_not_know_is_refused_in_words),
        cmocka_unit_test(each_bad_regex_is_told_once),
        cmocka_unit_test(groups_nest_up_to_a_depth),
        cmocka_unit_test(a_catastrophic_regex_ends_by_a_limit_and_is_counted),
        cmocka_unit_test(a_near_miss_is_a_rule_that_one_thing_keeps_away),
        cmocka_unit_test(a_regex_is_compiled_once_for_all_near_misses),
        cmocka_unit_test(a_mapping_is_a_copy_of_its_rules),
        cmocka_unit_test(memory_grows_with_the_rules),
        cmocka_unit_test(long_names_and_long_globs_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/**
 *   mapping_lint
 *     mapping_shapes_find, mapping_cover_find, mapping_clash_find     for all rules at once
 *     lint_rule
 *       say_shapes, say_hidden, say_clash     what these have found
 *       lint_templates, lint_buckets
 *     lint_rest                   the hint
 */
#include "config/mapping_lint.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "config/escape.h"
#include "config/mapping_clash.h"
#include "config/mapping_cover.h"
#include "config/mapping_file.h"
#include "config/mapping_shapes.h"
#include "config/mapping_syntax.h"

struct lint {
    const struct mapping_file *f;
    const struct mapping_cover *covers;
    const struct mapping_clash *clashes;
    const size_t *shapes;
    struct buf *out;
    size_t n;
};

/* Begin a warning about a rule.  returns  false: it is counted only */
static bool begin(struct lint *l, size_t rule)
{
    if (l->n++ >= MAPPING_MISTAKES_MAX)
        return false;
    mapping_file_where(l->f, rule, l->out);
    return true;
}

/* "rule 3 (a.b) on line 12" */
static void say_rule(struct lint *l, size_t i)
{
    buf_printf(l->out, "rule %zu (", i + 1);
    escape_short(slice_str(l->f->rules[i].match), l->out);
    buf_printf(l->out, ") on line %u", l->f->rules[i].line);
}

static void say_hidden(struct lint *l, size_t i)
{
    const struct mapping_file_rule *rule = &l->f->rules[i];
    uint32_t said[MAPPING_CLASSES];
    size_t n = 0;
    if (!begin(l, i))
        return;
    for (unsigned k = 0; k < MAPPING_CLASSES; k++) {
        uint32_t by = l->covers[i].by[k];
        bool again = false;
        for (size_t j = 0; j < n; j++)
            again = again || said[j] == by;
        if (by != MAPPING_COVER_NONE && !again)
            said[n++] = by;
    }
    assert(n > 0);
    buf_append_str(l->out, "never matches: ");
    for (size_t j = 0; j < n; j++) {
        buf_append_str(l->out, j == 0 ? "" : j + 1 < n ? ", " : " and ");
        say_rule(l, said[j]);
    }
    const struct mapping_file_rule *first = &l->f->rules[said[0]];
    bool same = n == 1 && first->regex == rule->regex && strcmp(first->match, rule->match) == 0;
    buf_printf(l->out, " %s %s; %s\n", n > 1 ? "match" : "matches",
               same ? "the same, and comes first" : "all that it does, and first",
               same ? "remove one of them"
               : rule->regex && !first->regex
                   ? "globs come before all regexes: write this rule as a "
                     "glob, before it"
                   : "move this rule up, before it");
}

/* "a counter, a gauge or a summary" */
static void say_types(struct lint *l, unsigned makes)
{
    static const char *const names[] = { "a counter", "a gauge", "a summary", "a histogram" };
    unsigned left = makes;
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if ((makes >> i & 1) == 0)
            continue;
        left &= ~(1u << i);
        buf_append_str(l->out, names[i]);
        if (left != 0)
            buf_append_str(l->out, (left & (left - 1)) != 0 ? ", " : " or ");
    }
}

static void say_clash(struct lint *l, size_t i)
{
    const struct mapping_clash *c = &l->clashes[i];
    const struct mapping_file_rule *rule = &l->f->rules[i], *other = &l->f->rules[c->with];
    if (!begin(l, i))
        return;
    if (c->suffix[0] == '\0') {
        buf_printf(l->out, "%s is ", rule->name);
        say_types(l, mapping_clash_makes(rule));
        buf_append_str(l->out, " here and ");
        say_types(l, mapping_clash_makes(other));
        buf_append_str(l->out, " by ");
    } else {
        const char *base = c->other_suffixed ? rule->name : other->name;
        buf_printf(l->out, "%s%s is also part of ", base, c->suffix);
        say_types(l, mapping_clash_makes(c->other_suffixed ? rule : other));
        buf_printf(l->out, " %s, ", base);
        buf_append_str(l->out, c->other_suffixed ? "made here; the other is " : "that of ");
    }
    say_rule(l, c->with);
    buf_append_str(l->out, "; only one of them can be shown: rename one\n");
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t stars(const char *glob)
{
    size_t n = 0;
    for (; *glob != '\0'; glob++)
        n += *glob == '*';
    return n;
}

/* A reference as it is expanded: $word, which takes all it can, or ${word}; "$$" is none.
 * returns  its bytes; 0: there is none */
static size_t reference(struct slice s, struct slice *ret_word)
{
    size_t i = 1, begin;
    if (s.len < 2 || s.ptr[0] != '$')
        return 0;
    bool braced = s.ptr[1] == '{';
    begin = i += braced;
    while (i < s.len && is_word(s.ptr[i]))
        i++;
    *ret_word = slice_of(s.ptr + begin, i - begin);
    if (ret_word->len == 0 || (braced && (i == s.len || s.ptr[i] != '}')))
        return 0;
    return i + braced;
}

/* A reference to a name: only a regex has groups with names. */
static void lint_named(struct lint *l, size_t i, const char *field, struct slice word,
                       size_t digits)
{
    const struct mapping_file_rule *rule = &l->f->rules[i];
    if ((rule->regex && mapping_syntax_has_group(slice_str(rule->match), word)) || !begin(l, i))
        return;
    buf_printf(l->out, "%s: $%.*s is always empty, as there is no capture of that name", field,
               (int)word.len, word.ptr);
    if (digits > 0)
        buf_printf(l->out, "; write ${%.*s}%.*s", (int)digits, word.ptr, (int)(word.len - digits),
                   word.ptr + digits);
    buf_append_char(l->out, '\n');
}

static void lint_reference(struct lint *l, size_t i, const char *field, struct slice word)
{
    const struct mapping_file_rule *rule = &l->f->rules[i];
    size_t digits = 0, captures;
    int64_t number = 0;
    while (digits < word.len && word.ptr[digits] >= '0' && word.ptr[digits] <= '9')
        digits++;
    if (digits < word.len) {
        lint_named(l, i, field, word, digits);
        return;
    }
    captures = rule->regex ? mapping_syntax_groups(slice_str(rule->match)) : stars(rule->match);
    if (captures == SIZE_MAX || (number_parse_int(word, &number) && (size_t)number <= captures))
        return;
    if (begin(l, i))
        buf_printf(l->out, "%s: $%.*s is always empty: match has %zu %s\n", field, (int)word.len,
                   word.ptr, captures,
                   !rule->regex    ? "*"
                   : captures == 1 ? "group"
                                   : "groups");
}

static void lint_template(struct lint *l, size_t i, const char *field, const char *template)
{
    struct slice s = slice_str(template), word;
    while (s.len > 0) {
        size_t n = reference(s, &word);
        if (n > 0)
            lint_reference(l, i, field, word);
        else
            n = slice_starts(s, SLICE_LIT("$$")) ? 2 : 1;
        s = slice_of(s.ptr + n, s.len - n);
    }
}

/* The first pair of bounds that are one for every sample; false: there is none.  *ret_low is the
 * same as *ret_high when that is too near to 0. */
static bool same_bounds(const struct doubles *b, double *ret_low, double *ret_high)
{
    for (size_t i = 0; i < b->n; i++) {
        *ret_low = *ret_high = b->at[i];
        if (b->at[i] != 0 && fabs(b->at[i]) < 1e-300)
            return true;
        if (i == 0)
            continue;
        *ret_low = b->at[i - 1];
        if (*ret_high - *ret_low < 1e-9 * fmax(fabs(*ret_low), fabs(*ret_high)))
            return true;
    }
    return false;
}

static void say_bounds(struct lint *l, double low, double high)
{
    char a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX];
    size_t n = number_print(a, low), m = number_print(b, high);
    if (low == high)
        buf_printf(l->out, "histogram_options.buckets: no sample tells %.*s from 0; remove it\n",
                   (int)n, a);
    else
        buf_printf(
            l->out,
            "histogram_options.buckets: no sample tells %.*s from %.*s; remove one of them\n",
            (int)n, a, (int)m, b);
}

static void lint_buckets(struct lint *l, size_t i)
{
    const struct mapping_file_rule *rule = &l->f->rules[i];
    double low, high;
    bool own = rule->options.buckets.at != l->f->defaults.buckets.at;
    bool used = rule->options.histogram && (rule->classes & MAPPING_FILE_OBSERVER) != 0;
    if (own && used && same_bounds(&rule->options.buckets, &low, &high) && begin(l, i))
        say_bounds(l, low, high);
}

static void lint_defaults(struct lint *l)
{
    double low, high;
    if (!same_bounds(&l->f->defaults.buckets, &low, &high))
        return;
    l->n++;
    escape_text(slice_str(l->f->path), l->out);
    buf_append_str(l->out, ": defaults: ");
    say_bounds(l, low, high);
}

static void say_shapes(struct lint *l, size_t i)
{
    if (begin(l, i))
        buf_printf(l->out,
                   "globs of %zu components have their * in %zu different places, this one in the "
                   "%dth; more than %d make the first sample of each new name slower: let rules "
                   "share them\n",
                   mapping_shapes_length(l->f->rules[i].match), l->shapes[i],
                   MAPPING_SHAPES_FEW + 1, MAPPING_SHAPES_FEW);
}

static void lint_rule(struct lint *l, size_t i)
{
    const struct mapping_file_rule *rule = &l->f->rules[i];
    if (l->shapes[i] > 0)
        say_shapes(l, i);
    if (mapping_cover_hidden(rule, &l->covers[i])) {
        say_hidden(l, i);
        return;
    }
    if (rule->drop)
        return;
    if (l->clashes[i].with != MAPPING_CLASH_NONE)
        say_clash(l, i);
    lint_template(l, i, "name", rule->name);
    for (size_t k = 0; k < rule->n_labels; k++)
        lint_template(l, i, rule->labels[k].key, rule->labels[k].value);
    lint_buckets(l, i);
}

static void lint_rest(struct lint *l)
{
    unsigned rest = MAPPING_FILE_ANY;
    for (size_t i = 0; i < l->f->n_rules; i++) {
        if (l->f->rules[i].regex && mapping_cover_all(l->f->rules[i].match))
            rest &= ~l->f->rules[i].classes;
    }
    if (rest == 0 || l->f->n_rules == 0)
        return;
    escape_text(slice_str(l->f->path), l->out);
    buf_append_str(l->out, ": hint: metrics that no rule matches are shown under their own names; "
                           "to drop them, let the last rule be - {match: \".\", match_type: regex, "
                           "action: drop, name: dropped}\n");
}

size_t mapping_lint(const struct mapping_file *f, struct buf *out)
{
    struct mapping_cover *covers = mapping_cover_find(f);
    bool *hidden = mem_alloc(f->n_rules * sizeof *hidden);
    for (size_t i = 0; i < f->n_rules; i++)
        hidden[i] = mapping_cover_hidden(&f->rules[i], &covers[i]);
    struct mapping_clash *clashes = mapping_clash_find(f, hidden);
    size_t *shapes = mapping_shapes_find(f);
    struct lint l = { .f = f, .covers = covers, .clashes = clashes, .shapes = shapes, .out = out };
    lint_defaults(&l);
    for (size_t i = 0; i < f->n_rules; i++)
        lint_rule(&l, i);
    if (l.n > MAPPING_MISTAKES_MAX) {
        escape_text(slice_str(f->path), out);
        buf_printf(out, ": %zu warnings more\n", l.n - MAPPING_MISTAKES_MAX);
    }
    lint_rest(&l);
    free(shapes);
    free(clashes);
    free(hidden);
    free(covers);
    return l.n;
}

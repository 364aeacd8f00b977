/**
 * From text to value; option_value_print.c is the way back.
 *
 *   option_value_set   a case for each kind
 *     set_number         DURATION, SIZE, UINT: parse_number, then the limits of the row
 *     set_double, set_bool, set_flags, set_doubles, set_string, add_string
 *   option_value_check, option_value_clear   a case for each kind as well
 */
#include "config/option_value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/duration.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"
#include "config/option_value_priv.h"

static void *member(struct config *c, enum option_id id)
{
    return (char *)c + options_table[id].offset;
}

static const char *parse_number(enum option_kind kind, struct slice s, uint64_t *ret)
{
    int64_t n;
    if (kind == OPTION_DURATION)
        return duration_parse(s, ret);
    if (kind == OPTION_SIZE) {
        int rc = number_parse_size(s, ret);
        return rc == 0 ? NULL : rc == -ERANGE ? "is too large" : "is not a size";
    }
    if (!number_parse_int(s, &n))
        return "is not a whole number";
    *ret = (uint64_t)n;
    return NULL;
}

static const char *set_number(const struct option_row *o, struct slice s, void *to)
{
    uint64_t v;
    const char *wrong = parse_number(o->kind, s, &v);
    if (wrong != NULL)
        return wrong;
    if ((double)v < o->min || (double)v > o->max)
        return "is out of range";
    if (o->kind == OPTION_UINT)
        *(uint32_t *)to = (uint32_t)v;
    else
        *(uint64_t *)to = v;
    return NULL;
}

static const char *set_double(const struct option_row *o, struct slice s, double *to)
{
    double v;
    if (!number_parse(s, &v))
        return "is not a number";
    if (v < o->min || v > o->max)
        return "is out of range";
    *to = v;
    return NULL;
}

static const char *set_bool(struct slice s, bool *to)
{
    static const struct {
        const char *word;
        bool v;
    } words[] = { { "on", true },  { "off", false }, { "true", true }, { "false", false },
                  { "yes", true }, { "no", false },  { "1", true },    { "0", false } };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_eq(s, slice_str(words[i].word))) {
            *to = words[i].v;
            return NULL;
        }
    }
    return "is neither on nor off";
}

bool option_value_next(struct slice *rest, char sep, struct slice *ret)
{
    if (rest->len == 0)
        return false;
    if (!slice_cut(rest, sep, ret)) {
        *ret = *rest;
        rest->len = 0;
    }
    return true;
}

/* Place of s among words joined by '|', or -1. */
static int word_place(const char *words, struct slice s)
{
    struct slice rest = slice_str(words), word;
    for (int i = 0; option_value_next(&rest, '|', &word); i++) {
        if (slice_eq(word, s))
            return i;
    }
    return -1;
}

static const char *set_flags(const char *words, struct slice rest, unsigned *to)
{
    unsigned bits = 0;
    struct slice word;
    while (option_value_next(&rest, ',', &word)) {
        int at = word_place(words, slice_trim(word, SLICE_LIT(" \t")));
        if (at < 0)
            return "has a word that is not known here";
        bits |= 1u << at;
    }
    *to = bits;
    return NULL;
}

static const char *set_doubles(const struct option_row *o, struct slice rest, struct doubles *to)
{
    struct doubles list = { NULL, 0 };
    size_t cap = 0;
    const char *wrong = NULL;
    struct slice one;
    while (wrong == NULL && option_value_next(&rest, ',', &one)) {
        double v;
        list.at = mem_grow(list.at, &cap, list.n + 1, sizeof *list.at);
        if (!number_parse(slice_trim(one, SLICE_LIT(" \t")), &v))
            wrong = "is not a list of numbers";
        else if (v < o->min || v > o->max)
            wrong = "has a number that is out of range";
        else
            list.at[list.n++] = v;
    }
    if (wrong != NULL) {
        free(list.at);
        return wrong;
    }
    free(to->at);
    *to = list;
    return NULL;
}

static const char *wrong_text(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return "has a control byte";
    }
    return utf8_valid(s) ? NULL : "is not valid UTF-8";
}

static const char *set_string(struct slice s, char **to)
{
    const char *wrong = wrong_text(s);
    if (wrong != NULL)
        return wrong;
    free(*to);
    *to = mem_strndup(s.ptr, s.len);
    return NULL;
}

static const char *add_string(struct slice s, struct strings *to)
{
    const char *wrong = wrong_text(s);
    if (wrong != NULL)
        return wrong;
    to->at = mem_realloc(to->at, (to->n + 1) * sizeof *to->at);
    to->at[to->n++] = mem_strndup(s.ptr, s.len);
    return NULL;
}

const char *option_value_set(struct config *c, enum option_id id, struct slice s)
{
    const struct option_row *o = &options_table[id];
    void *to = member(c, id);
    s = slice_trim(s, SLICE_LIT(" \t"));
    switch (o->kind) {
    case OPTION_BOOL:
        return set_bool(s, to);
    case OPTION_ENUM: {
        int at = word_place(o->words, s);
        if (at < 0)
            return "is not one of the words";
        *(int *)to = at;
        return NULL;
    }
    case OPTION_FLAGS:
        return set_flags(o->words, s, to);
    case OPTION_DURATION:
    case OPTION_SIZE:
    case OPTION_UINT:
        return set_number(o, s, to);
    case OPTION_DOUBLE:
        return set_double(o, s, to);
    case OPTION_STRING:
    case OPTION_SECRET:
        return set_string(s, to);
    case OPTION_DOUBLES:
        return set_doubles(o, s, to);
    case OPTION_STRINGS:
        return add_string(s, to);
    }
    assert(false && "every kind has its case");
    return NULL;
}

void option_value_check(const struct config *c, enum option_id id)
{
    const struct option_row *o = &options_table[id];
    const void *at = option_value_at(c, id);
    int place = o->kind == OPTION_ENUM ? *(const int *)at : 0;
    uint64_t bits = o->kind == OPTION_FLAGS ? *(const unsigned *)at : 0;
    switch (o->kind) {
    case OPTION_BOOL:
        break;
    case OPTION_ENUM:
        assert(place >= 0 && (size_t)place < options_words(o->words));
        break;
    case OPTION_FLAGS:
        assert(bits >> options_words(o->words) == 0);
        break;
    case OPTION_DURATION:
    case OPTION_SIZE:
    case OPTION_UINT:
        assert((double)option_value_number(o->kind, at) >= o->min);
        assert((double)option_value_number(o->kind, at) <= o->max);
        break;
    case OPTION_DOUBLE:
        assert(*(const double *)at >= o->min && *(const double *)at <= o->max);
        break;
    case OPTION_STRING:
    case OPTION_SECRET:
        assert(*(char *const *)at != NULL);
        break;
    case OPTION_DOUBLES:
        assert(((const struct doubles *)at)->n == 0 || ((const struct doubles *)at)->at != NULL);
        break;
    case OPTION_STRINGS:
        assert(((const struct strings *)at)->n == 0 || ((const struct strings *)at)->at != NULL);
        break;
    }
}

void option_value_clear(struct config *c, enum option_id id)
{
    void *at = member(c, id);
    switch (options_table[id].kind) {
    case OPTION_STRING:
    case OPTION_SECRET:
        free(*(char **)at);
        *(char **)at = NULL;
        break;
    case OPTION_DOUBLES:
        free(((struct doubles *)at)->at);
        *(struct doubles *)at = (struct doubles){ NULL, 0 };
        break;
    case OPTION_STRINGS: {
        struct strings *list = at;
        for (size_t i = 0; i < list->n; i++)
            free(list->at[i]);
        free(list->at);
        *list = (struct strings){ NULL, 0 };
        break;
    }
    default:
        break;
    }
}

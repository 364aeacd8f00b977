/**
 * What an option takes and what it holds, as text.
 */
#include "config/option_value.h"

#include <assert.h>

#include "base/duration.h"
#include "base/number.h"
#include "config/option_value_priv.h"

const char *option_value_hint(enum option_kind kind)
{
    switch (kind) {
    case OPTION_BOOL:
        return "write on or off";
    case OPTION_ENUM:
        return "write one of";
    case OPTION_FLAGS:
        return "write any of, separated by commas,";
    case OPTION_DURATION:
        return "write a whole number and ms, s, m or h,";
    case OPTION_SIZE:
        return "write a whole number of bytes, or one with KiB, MiB or GiB,";
    case OPTION_UINT:
        return "write a whole number,";
    case OPTION_DOUBLE:
        return "write a decimal number,";
    case OPTION_DOUBLES:
        return "write decimal numbers separated by commas,";
    case OPTION_STRING:
    case OPTION_SECRET:
    case OPTION_STRINGS:
        return "write UTF-8 text without control bytes";
    }
    assert(false && "every kind has its case");
    return "";
}

void option_value_print_number(enum option_kind kind, uint64_t v, struct buf *out)
{
    char text[NUMBER_TEXT_MAX];
    static_assert((int)DURATION_TEXT_MAX <= (int)NUMBER_TEXT_MAX, "text has room for either");
    if (kind == OPTION_SIZE)
        buf_append(out, text, number_print_size(text, v));
    else if (kind == OPTION_DURATION)
        buf_append(out, text, duration_print(text, v));
    else
        buf_append(out, text, number_print_u64(text, v));
}

void option_value_limits(enum option_id id, struct buf *out)
{
    const struct option_row *o = &options_table[id];
    switch (o->kind) {
    case OPTION_BOOL:
        buf_append_str(out, "on|off");
        break;
    case OPTION_ENUM:
    case OPTION_FLAGS:
        buf_append_str(out, o->words);
        break;
    case OPTION_DURATION:
    case OPTION_SIZE:
    case OPTION_UINT:
        option_value_print_number(o->kind, (uint64_t)o->min, out);
        buf_append_str(out, " to ");
        option_value_print_number(o->kind, (uint64_t)o->max, out);
        break;
    case OPTION_DOUBLE:
        buf_printf(out, "%g to %g", o->min, o->max);
        break;
    case OPTION_DOUBLES:
        if (o->max < 1e300)
            buf_printf(out, "each %g to %g", o->min, o->max);
        break;
    case OPTION_STRING:
    case OPTION_SECRET:
    case OPTION_STRINGS:
        break;
    }
}

static void print_words(const char *words, unsigned bits, struct buf *out)
{
    struct slice rest = slice_str(words), word;
    size_t start = out->len;
    for (unsigned i = 0; option_value_next(&rest, '|', &word); i++) {
        if (!(bits >> i & 1))
            continue;
        if (out->len > start)
            buf_append_char(out, ',');
        buf_append_slice(out, word);
    }
}

void option_value_print(const struct config *c, enum option_id id, struct buf *out)
{
    const struct option_row *o = &options_table[id];
    const void *at = option_value_at(c, id);
    char number[NUMBER_TEXT_MAX];
    switch (o->kind) {
    case OPTION_BOOL:
        buf_append_str(out, *(const bool *)at ? "on" : "off");
        break;
    case OPTION_ENUM:
        print_words(o->words, 1u << *(const int *)at, out);
        break;
    case OPTION_FLAGS:
        print_words(o->words, *(const unsigned *)at, out);
        break;
    case OPTION_DURATION:
    case OPTION_SIZE:
    case OPTION_UINT:
        option_value_print_number(o->kind, option_value_number(o->kind, at), out);
        break;
    case OPTION_DOUBLE:
        buf_append(out, number, number_print(number, *(const double *)at));
        break;
    case OPTION_STRING:
        buf_append_str(out, *(char *const *)at);
        break;
    case OPTION_SECRET:
        buf_append_str(out, **(char *const *)at != '\0' ? "(set)" : "");
        break;
    case OPTION_DOUBLES:
        for (size_t i = 0; i < ((const struct doubles *)at)->n; i++) {
            if (i > 0)
                buf_append_char(out, ',');
            buf_append(out, number, number_print(number, ((const struct doubles *)at)->at[i]));
        }
        break;
    case OPTION_STRINGS:
        for (size_t i = 0; i < ((const struct strings *)at)->n; i++) {
            if (i > 0)
                buf_append_char(out, ' ');
            buf_append_str(out, ((const struct strings *)at)->at[i]);
        }
        break;
    }
}

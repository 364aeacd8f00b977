#include "config/options.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>

size_t options_words(const char *words)
{
    size_t n = *words != '\0';
    for (; *words != '\0'; words++)
        n += *words == '|';
    return n;
}

void options_check(enum option_id id)
{
    const struct option_row *o = &options_table[id];
    bool has_words = o->kind == OPTION_ENUM || o->kind == OPTION_FLAGS;
    assert(options_section_known(slice_str(o->section)));
    assert(strlen(o->section) + 1 + strlen(o->key) < OPTION_NAME_MAX);
    assert(has_words == (options_words(o->words) > 0));
    assert(options_words(o->words) <= 32 && "FLAGS are the bits of an unsigned");
    assert(o->min <= o->max);
    assert(o->kind != OPTION_UINT || o->max <= UINT32_MAX);
}

enum option_id options_find(struct slice section, struct slice key)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (slice_eq(section, slice_str(options_table[i].section)) &&
            slice_eq(key, slice_str(options_table[i].key)))
            return (enum option_id)i;
    }
    return OPTION_COUNT;
}

static const char *const sections[] = {
#define X(section, help) #section,
    OPTION_SECTIONS(X)
#undef X
};

bool options_section_known(struct slice section)
{
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        if (slice_eq(section, slice_str(sections[i])))
            return true;
    }
    return false;
}

const char *options_section(size_t i)
{
    return i < ARRAY_LEN(sections) ? sections[i] : NULL;
}

void options_env_name(enum option_id id, char out[OPTION_ENV_MAX])
{
    snprintf(out, OPTION_ENV_MAX, "STATSD_%s_%s", options_table[id].section, options_table[id].key);
    for (char *p = out; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
}

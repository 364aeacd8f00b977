/**
 * The table of options.h, defined here because each row has the offset of its member in struct config.
 */
#include "config/config_values.h"

#define FIELD_BOOL(name)     name
#define FIELD_ENUM(name)     name
#define FIELD_FLAGS(name)    name
#define FIELD_DURATION(name) name##_ms
#define FIELD_SIZE(name)     name
#define FIELD_UINT(name)     name
#define FIELD_STRING(name)   name
#define FIELD_SECRET(name)   name
#define FIELD_DOUBLES(name)  name
#define FIELD_STRINGS(name)  name

const struct option_row options_table[OPTION_COUNT] = {
#define X(section_, key_, kind_, def_, min_, max_, words_, help_)                                  \
    [OPTION_##section_##_##key_] = { #section_, #key_, OPTION_##kind_,                             \
                                     offsetof(struct config, FIELD_##kind_(section_##_##key_)),    \
                                     def_, (double)(min_), (double)(max_), words_, help_ },
    OPTIONS(X)
#undef X
};

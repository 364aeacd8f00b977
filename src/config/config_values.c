/**
 * The table of options.h; it stands here because each row has the offset of its member in struct
 * config, which options.h does not know.
 */
#include "config/config_values.h"

const struct option_row options_table[OPTION_COUNT] = {
#define X(section_, key_, kind_, def_, min_, max_, words_, takes_, help_)                          \
    [OPTION_##section_##_##key_] = {                                                               \
        .section = #section_,                                                                      \
        .key = #key_,                                                                              \
        .kind = OPTION_##kind_,                                                                    \
        .offset = offsetof(struct config, OPTION_MEMBER_##kind_(section_##_##key_)),               \
        .def = (def_),                                                                             \
        .min = (double)(min_),                                                                     \
        .max = (double)(max_),                                                                     \
        .words = (words_),                                                                         \
        .takes = OPTION_TAKES_##takes_,                                                            \
        .help = (help_),                                                                           \
    },
    OPTIONS(X)
#undef X
};

/**
 * rules: what rooms above config/ know of values: addresses of sockets, URLs of sinks.
 *
 * config/ knows how numbers, words and durations are written, and nothing of what they are for.
 * The program defines config_rules (core/config_rules.c); whoever loads a config is held to them.
 *   thread   that of config_load
 */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

#include "config/config_values.h"

struct config_loader; /* the config while it is being read; collects mistakes */

struct config_rules {
    /**
     * value(id, value, why):
     * Look at a value as it is written, before config/ parses it.  Never refuse a SECRET here, for
     * the message shows the value: that is for whole.
     *   returns  true; false with why saying what is wrong with it
     */
    bool (*value)(enum option_id id, struct slice value, struct buf *why);
    /* Look at all values together: config_mistake for each contradiction.  Make the members of c
     * that are made of options; an option that was refused has the value of the stage before. */
    void (*whole)(struct config_loader *l, struct config *c);
    /* Free the members that whole makes; they are zero if it did not run. */
    void (*release)(struct config *c);
};

extern const struct config_rules config_rules;

/* For whole: add a mistake about the value of an option, told with where that was given. */
void config_mistake(struct config_loader *l, enum option_id id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For whole: whether a value of this option was refused, so that what c holds was not asked for. */
bool config_refused(const struct config_loader *l, enum option_id id);

#endif

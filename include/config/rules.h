/**
 * rules: what rooms above config/ know of values: addresses of sockets, URLs of sinks.
 *
 * config/ knows the syntax of numbers, words and durations, and nothing of what they are for.  The
 * program defines config_rules (app/config_rules.c); whoever loads a config is held to them.
 *   thread   that of config_load
 */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

#include "config/config_values.h"

struct config_loader;   /* the config in the making, for its mistakes */

struct config_rules {
    /**
     * value(id, value, why):
     * A value as it stands in its line, before it is taken.
     *   returns  true; false with why saying what is wrong with it
     */
    bool (*value)(enum option_id id, struct slice value, struct buf *why);
    /* All values together: tell what contradicts, make the members that are made of options. */
    void (*whole)(struct config_loader *l, struct config *c);
    /* Free the members that whole made; also when it did not run. */
    void (*release)(struct config *c);
};

extern const struct config_rules config_rules;

/* For whole: a mistake about the value of an option, told with where that was given. */
void config_mistake(struct config_loader *l, enum option_id id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For whole: was a value of this option refused, so that it is not in the config? */
bool config_refused(const struct config_loader *l, enum option_id id);

#endif

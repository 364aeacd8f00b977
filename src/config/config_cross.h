/**
 * config_cross: what no option can know alone: lists in order, options that depend on each other.
 */
#ifndef CONFIG_CONFIG_CROSS_H
#define CONFIG_CONFIG_CROSS_H

#include "config/config_loader.h"

/* Add a mistake for each contradiction; make the members that are made of options. */
void config_cross_check(struct config_loader *l);

#endif

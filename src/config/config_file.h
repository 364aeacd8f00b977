/**
 * config_file: values from an INI file.
 */
#ifndef CONFIG_CONFIG_FILE_H
#define CONFIG_CONFIG_FILE_H

#include "config/config_loader.h"

/* A file that cannot be read, or is larger than 1 MiB, is a mistake. */
void config_file_read(struct config_loader *l, const char *path);

/* The same with the text in memory; name stands for the path in messages. */
void config_file_parse(struct config_loader *l, const char *name, struct slice text);

#endif

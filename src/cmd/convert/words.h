/**
 * words: the words of a command line, as shells, systemd units, compose files and pod specs write
 * it.
 *
 *   /bin/statsd_exporter --log.level=info \        a shell, with quotes and continued lines
 *   ExecStart=/bin/statsd_exporter --log.level=info
 *   ARGS="--log.level=info --check-config"         what is quoted as a whole is cut too
 *   command: ["--log.level=info", '--check-config']
 *   - "--log.level=info"
 *
 * It is tolerant: brackets, commas and quotes around a word go, # begins a comment.
 *   thread   main
 */
#ifndef CMD_CONVERT_WORDS_H
#define CMD_CONVERT_WORDS_H

#include <stddef.h>

#include "base/slice.h"

struct word {
    char *text;
    unsigned line;    /* from 1; 0: of the command line itself */
    const char *file; /* borrowed */
};

struct words {
    struct word *at;
    size_t n, cap;
};

enum { WORDS_MAX = 100 * 1000 };

/* Add the words of a text.  returns  0; -E2BIG: w has WORDS_MAX */
int words_read(struct words *w, const char *file, struct slice text);

void words_add(struct words *w, const char *file, struct slice text, unsigned line);
void words_release(struct words *w);

#endif

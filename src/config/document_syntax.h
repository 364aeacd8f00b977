/**
 * document_syntax: text that is no YAML, told in words that help.
 *   thread   any
 */
#ifndef CONFIG_DOCUMENT_SYNTAX_H
#define CONFIG_DOCUMENT_SYNTAX_H

#include <stdbool.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/slice.h"

/* Whether libyaml may see it: UTF-8 without NUL. */
bool document_bytes_ok(struct slice text, unsigned *ret_line, struct buf *why);

/* p has failed at text. */
void document_syntax_error(const yaml_parser_t *p, struct slice text, unsigned *ret_line,
                           struct buf *why);

#endif

/**
 * version: which build this is.
 */
#ifndef APP_VERSION_H
#define APP_VERSION_H

extern const char version_text[]; /* "0.1.0" */

/* Of git, with "-dirty" behind it where files were changed; "unknown" outside a checkout. */
extern const char version_commit[];

#endif

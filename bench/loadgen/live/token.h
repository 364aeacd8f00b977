/**
 * token: the secret that master and workers share.  Each shows the other that it has it, and it is
 * never sent:
 *
 *     worker   a challenge                    master   a challenge, and its proof
 *     worker   its proof
 *
 * A proof is HMAC-SHA256 of who shows it and both challenges, with the secret.  What follows is
 * neither signed nor encrypted.
 *   thread   any (no state)
 */
#ifndef LIVE_TOKEN_H
#define LIVE_TOKEN_H

#include <stdbool.h>

#include "base/buf.h"

enum { TOKEN_MIN = 16, TOKEN_MAX = 1024, CHALLENGE_TEXT = 33, PROOF_TEXT = 65 };

struct token {
    char text[TOKEN_MAX + 1]; /* empty: no secret */
};

/* The first line of a file; path NULL: none.   returns  0; -EINVAL with the reason in error */
int token_read(const char *path, struct token *ret, struct buf *error);

void challenge_make(char out[CHALLENGE_TEXT]);

/* who: "master" or "worker" */
void proof_make(const struct token *t, const char *who, const char *of_worker,
                const char *of_master, char out[PROOF_TEXT]);

/* shown NULL: false.  In a time that does not depend on where they differ. */
bool proof_holds(const char proof[PROOF_TEXT], const char *shown);

/* May an address as HOST:PORT do without a secret, because it is this machine's own? */
bool token_is_optional(const char *address);

#endif

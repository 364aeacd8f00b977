/**
 * calls: which system calls the process may make from now on (seccomp).
 *
 *     log    what is not in the table is done, and the kernel's log (audit) has it
 *     on     it fails with EPERM; one of the few that only an attacker makes ends the process
 *     kill   it ends the process by SIGSYS: for tests, which find out so what is missing
 *
 * A thread is made, a process is not: clone3 says ENOSYS, upon which the C library takes clone,
 * whose flags can be seen.
 *
 *   thread   main, before any other starts: those that it starts inherit the filter
 */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include <stddef.h>

/* In the order of the words of server.sandbox. */
enum sandbox_mode { SANDBOX_OFF, SANDBOX_LOG, SANDBOX_ON, SANDBOX_KILL };

struct sandbox_calls {
    const char *what;  /* they are for */
    const char *names; /* with a blank between them */
    const char *but;   /* what is looked at besides their names; "": nothing */
};

/* The table by row; the last row has those that end the process in mode `on`.  NULL: past it. */
const struct sandbox_calls *sandbox_calls_row(size_t i);

/**
 * sandbox_calls_limit(mode, ret_n):
 * In force until the process ends; nothing in mode off.  no_new_privs has to be set before.
 *   ret_n    how many calls are allowed
 *   returns  0, or -errno: the kernel has no seccomp, or something forbids it
 */
int sandbox_calls_limit(enum sandbox_mode mode, size_t *ret_n);

#endif

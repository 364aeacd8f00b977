/**
 * process: what the process gives up for good, apart from files and calls.
 *   thread   main, before any other starts
 */
#ifndef SANDBOX_PROCESS_H
#define SANDBOX_PROCESS_H

#include <stdbool.h>

/**
 * sandbox_fits():
 *   returns  false: this build cannot be confined: a sanitizer traces the process when it ends, by
 *            calls that nobody else makes
 */
bool sandbox_fits(void);

/* No file that it executes gives it more rights, not even one that is setuid.  0, or -errno. */
int sandbox_no_new_privileges(void);

/*
 * No core, which would have the keys of TLS and the passwords of Redis in it, and no other process
 * of the same user that reads our memory: gdb, perf, /proc/PID/mem.  0, or -errno.
 */
int sandbox_no_core(void);

#endif

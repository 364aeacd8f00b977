/**
 * process: what the kernel says of this process.  Private to app/.
 *   thread   any
 */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

double process_cpu_seconds(void);
double process_resident_bytes(void);   /* 0 where /proc does not tell */
double process_open_fds(void);

#endif

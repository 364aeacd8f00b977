/**
 * process: numbers of this process, read from the kernel; 0 where it does not provide them.
 * Private to app/.
 *   thread   any
 */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

double process_cpu_seconds(void);
double process_resident_bytes(void);
double process_open_fds(void);

#endif

/**
 * process: numbers of this process, read from the kernel; 0 where it does not provide them.
 *   thread   any
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

double process_cpu_seconds(void);
double process_resident_bytes(void);
double process_open_fds(void);

#endif

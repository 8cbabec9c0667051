/* The clock of a machine that is set wrong by OFF_S seconds, for what is loaded with this. Only the wall clock is: what
   counts from the start of the machine, timeouts and times of files stay as they are.

   Rejected: libfaketime. With it time.sleep fails from Python 3.11 on (EINVAL from clock_nanosleep) when it is told to
   leave CLOCK_MONOTONIC alone. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
    int result = syscall(SYS_clock_gettime, clock, at);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += OFF_S;
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    int result = syscall(SYS_gettimeofday, at, zone);
    if (result == 0 && at) at->tv_sec += OFF_S;
    return result;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

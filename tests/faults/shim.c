/* Stands between a process and the C library: lets the wall clock step, and the disk be full, as a file says that the
 * test writes. Loaded before the library by LD_PRELOAD; the file's name is in FAULTS_CONTROL, what counts as the disk (a
 * part of a path) in FAULTS_DISK. The monotonic clock is left alone, as a step leaves it alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
  volatile int64_t step_seconds;
  volatile int64_t disk_full;
};

static struct control none;
static struct control *control = &none;
static const char *disk;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULTS_CONTROL");
  disk = getenv("FAULTS_DISK");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) control = mapped;
}

int clock_gettime(clockid_t id, struct timespec *at) {
  int result = (int)syscall(SYS_clock_gettime, id, at);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += control->step_seconds;
  return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *at) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}

/* Whether what is to be written needs room that is not there: what a file has already may be written over. */
static int full(int fd, off_t end) {
  if (!control->disk_full || !disk) return 0;
  char link[64], path[4096];
  struct stat of;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  if (!strstr(path, disk) || fstat(fd, &of) != 0 || !S_ISREG(of.st_mode) || end <= of.st_size) return 0;
  errno = ENOSPC;
  return 1;
}

#define NEXT(name) (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *from, size_t count) {
  if (control->disk_full && full(fd, lseek(fd, 0, SEEK_CUR) + (off_t)count)) return -1;
  return syscall(SYS_write, fd, from, count);
}

ssize_t pwrite(int fd, const void *from, size_t count, off_t at) {
  if (full(fd, at + (off_t)count)) return -1;
  return syscall(SYS_pwrite64, fd, from, count, at);
}

ssize_t pwrite64(int fd, const void *from, size_t count, off64_t at) { return pwrite(fd, from, count, at); }

static off_t total(const struct iovec *parts, int count) {
  off_t sum = 0;
  for (int at = 0; at < count; at++) sum += (off_t)parts[at].iov_len;
  return sum;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  if (full(fd, at + total(parts, count))) return -1;
  return (NEXT(pwritev))(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return pwritev(fd, parts, count, at); }

int posix_fallocate(int fd, off_t at, off_t length) {
  if (full(fd, at + length)) return ENOSPC;
  return (NEXT(posix_fallocate))(fd, at, length);
}

int posix_fallocate64(int fd, off64_t at, off64_t length) { return posix_fallocate(fd, at, length); }

int ftruncate(int fd, off_t length) {
  if (full(fd, length)) return -1;
  return (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

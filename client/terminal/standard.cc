#include "client/terminal/standard.h"

#include <fcntl.h>
#include <unistd.h>

namespace rdev::terminal {

void open_standard_descriptors() {
  // open(2) takes the lowest number that is free.
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) {
    fd = ::open("/dev/null", O_RDWR);
  }
  if (fd > STDERR_FILENO) {
    ::close(fd);
  }
}

}  // namespace rdev::terminal

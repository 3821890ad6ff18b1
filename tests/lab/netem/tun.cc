#include "tests/lab/netem/tun.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "tests/lab/netem/fatal.h"

namespace rdev::netem {

// A namespace is a thread's own, so a thread enters it and the others stay where they are.
base::Fd make_namespace() {
  int fd = -1;
  std::thread([&fd] {
    if (::unshare(CLONE_NEWNET) == 0) {
      fd = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) {
      fatal("no new network namespace", errno);
    }
  }).join();
  return base::Fd(fd);
}

base::Fd open_tun(int network_namespace, const std::string& name) {
  int fd = -1;
  std::thread([&fd, &name, network_namespace] {
    if (network_namespace >= 0 && ::setns(network_namespace, CLONE_NEWNET) != 0) {
      fatal("cannot enter the namespace", errno);
    }
    fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ifreq request{};
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (fd < 0 || ::ioctl(fd, TUNSETIFF, &request) != 0) {
      fatal("no TUN device " + name, errno);
    }
  }).join();
  return base::Fd(fd);
}

}  // namespace rdev::netem

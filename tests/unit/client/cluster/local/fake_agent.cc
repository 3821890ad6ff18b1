#include "tests/unit/client/cluster/local/fake_agent.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "client/cluster/local/argv.h"
#include "protocol/base/file.h"
#include "protocol/rdev.pb.h"

namespace rdev::test {
namespace {

int listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 8) != 0) {
    std::perror(path.c_str());
    return -1;
  }
  return fd;
}

}  // namespace

int run_fake_agent(const std::vector<std::string>& arguments) {
  std::printf("agent=%d\n", ::getpid());
  std::fflush(stdout);
  if (const char* code = std::getenv("FAKE_AGENT_EXIT")) {
    return std::atoi(code);
  }
  AgentConfig config;
  const auto text = base::read_file(arguments.at(1), 1 << 20);
  if (!text || !config.ParseFromString(*text)) {
    return 2;
  }
  if (arguments.size() > 3 && ::fork() == 0) {
    const std::vector<std::string> command(arguments.begin() + 3, arguments.end());
    ::execvp(command[0].c_str(), cluster::argv_of(command).data());
    ::_exit(127);
  }
  const int listener = listen_on(config.socket());
  if (listener < 0) {
    return 3;
  }
  std::puts("listening");
  std::fflush(stdout);
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    const std::string& name = config.job_name();
    if (fd < 0 || ::write(fd, name.data(), name.size()) < 0) {
      return 4;
    }
    ::close(fd);
  }
}

}  // namespace rdev::test

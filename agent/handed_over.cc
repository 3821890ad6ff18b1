#include "agent/handed_over.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "agent/endpoint.h"
#include "agent/secret.h"
#include "protocol/ssh/base64.h"

namespace rdev::agent {
namespace {

template <class T>
Result<T> parse_number(const std::string& text, const char* option, T least, T most) {
  T number{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size() || number < least ||
      number > most) {
    return fail(Code::kUsage, std::string(option) + ": \"" + text + "\" is not a number from " +
                                  std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

Result<Additions> additions(const HandedOver& handed) {
  Additions more{.listens = !handed.listen_fd.empty()};
  if (!handed.instance.empty()) {
    const auto instance = parse_number<std::uint32_t>(handed.instance, "--instance", 0, 1000000);
    if (!instance) {
      return tl::make_unexpected(instance.error());
    }
    more.instance = *instance;
  }
  if (!handed.listen.empty()) {
    const auto endpoint = parse_endpoint(handed.listen);
    if (!endpoint) {
      return prefix("--listen", endpoint.error());
    }
    more.listen = *endpoint;
  }
  return more;
}

// What was piped in; nothing below reads it again.
Result<std::string> read_stdin() {
  auto bytes = read_all(STDIN_FILENO, "the config on stdin");
  const base::Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (nothing) {
    ::dup2(nothing.get(), STDIN_FILENO);
  }
  if (!bytes) {
    return bytes;
  }
  std::string_view text = *bytes;
  while (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  auto decoded = ssh::unbase64(text);
  if (!decoded || decoded->empty()) {
    return bytes;
  }
  wipe(*bytes);
  return *std::move(decoded);
}

}  // namespace

Result<Config> load_config(const std::string& path, const HandedOver& handed) {
  const auto more = additions(handed);
  if (!more) {
    return tl::make_unexpected(more.error());
  }
  auto bytes = path == "-" ? read_stdin() : read_private_file(path, "the config");
  if (!bytes) {
    return tl::make_unexpected(bytes.error());
  }
  auto config = parse_config(*bytes, *more);
  wipe(*bytes);
  if (!config) {
    return prefix(path == "-" ? "the config on stdin" : "the config " + path, config.error());
  }
  return config;
}

Result<base::Fd> take_descriptor(const std::string& number) {
  const auto fd = parse_number<int>(number, "descriptor", 3, 1 << 20);
  if (!fd) {
    return tl::make_unexpected(fd.error());
  }
  if (::fcntl(*fd, F_SETFD, FD_CLOEXEC) != 0) {
    return fail_errno("descriptor " + number);
  }
  return base::Fd(*fd);
}

Result<base::Fd> take_listener(const std::string& number) {
  auto fd = take_descriptor(number);
  if (!fd) {
    return fd;
  }
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(fd->get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return fail(Code::kUsage, "--listen-fd " + number + " is no socket that listens");
  }
  const int flags = ::fcntl(fd->get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd->get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return fail_errno("--listen-fd " + number);
  }
  return fd;
}

void say_ready(const base::Fd& ready) {
  constexpr std::string_view kUp = "up\n";
  (void)!::write(ready.get(), kUp.data(), kUp.size());
}

}  // namespace rdev::agent

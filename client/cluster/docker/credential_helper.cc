#include "client/cluster/docker/credential_helper.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

#include "client/carrier/child.h"
#include "protocol/base/fd.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster::docker {
namespace {

using local = asio::local::stream_protocol;

// A helper may have to ask the user to unlock a keyring.
constexpr auto kHelperLimit = std::chrono::minutes(2);
constexpr std::size_t kMaxAnswer = 1 << 20;

awaitable<Result<std::string>> talk(local::socket& socket, const std::string& question) {
  auto [write_error, written] =
      co_await asio::async_write(socket, asio::buffer(question), use_tuple);
  boost::system::error_code error = write_error;
  if (!error) {
    socket.shutdown(local::socket::shutdown_send, error);
  }
  // A helper that ended without reading says why on its stdout.
  std::string answer;
  std::string buffer(4096, '\0');
  for (;;) {
    auto [read_error, n] = co_await socket.async_read_some(asio::buffer(buffer), use_tuple);
    if (read_error == asio::error::eof || read_error == asio::error::connection_reset) {
      co_return answer;
    }
    if (read_error) {
      co_return fail(Code::kFailed, read_error.message());
    }
    answer.append(buffer, 0, n);
    if (answer.size() > kMaxAnswer) {
      co_return fail(Code::kLimit, "its answer is too long");
    }
  }
}

}  // namespace

awaitable<Result<std::optional<std::string>>> ask_credential_helper(std::string helper,
                                                                    std::string server) {
  const std::string program = "docker-credential-" + helper;
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    co_return fail_errno("socketpair");
  }
  local::socket ours(co_await asio::this_coro::executor, local(), pair[0]);
  base::Fd theirs(pair[1]);
  const base::Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const std::vector<std::string> argv = {program, "get"};
  auto child = carrier::Child::spawn(argv, theirs.get(), theirs.get(), null.get());
  theirs.reset();
  if (!child) {
    co_return prefix("registry credentials", child.error());
  }
  auto answer = co_await base::with_timeout(talk(ours, server + "\n"), kHelperLimit, "its answer");
  if (!answer) {
    co_return prefix("registry credentials: " + program, answer.error());
  }
  if (const int code = child->wait(2000); code != 0) {
    if (answer->find("credentials not found") != std::string::npos) {
      co_return std::optional<std::string>();
    }
    answer->resize(answer->find_last_not_of("\r\n ") + 1);
    co_return fail(Code::kFailed, "registry credentials: " + program +
                                      " get failed with exit code " + std::to_string(code) + ": " +
                                      answer->substr(0, 300));
  }
  co_return std::optional<std::string>(std::move(*answer));
}

}  // namespace rdev::cluster::docker

#include "client/commands/resolve.h"

#include <netdb.h>
#include <sys/socket.h>

#include <memory>
#include <system_error>
#include <thread>

#include "protocol/base/fd.h"
#include "protocol/stream/socket_stream.h"

namespace rdev::commands {
namespace {

// What the thread says: a letter, then the addresses, each with a line end, or why there are none.
constexpr char kFound = '+';
constexpr char kNoSuchName = '-';
constexpr char kTryAgain = '?';
constexpr std::size_t kMostBytes = 64U << 10U;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

std::string answer_for(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) {
    const bool is_known_not = error == EAI_NONAME || error == EAI_NODATA;
    return std::string(1, is_known_not ? kNoSuchName : kTryAgain) + ::gai_strerror(error);
  }
  const Addresses owner(list, ::freeaddrinfo);
  std::string text(1, kFound);
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    char name[NI_MAXHOST];
    if (::getnameinfo(one->ai_addr, one->ai_addrlen, name, sizeof name, nullptr, 0,
                      NI_NUMERICHOST) == 0) {
      text += std::string(name) + "\n";
    }
  }
  return text;
}

// Nobody waits for this thread: it has its own copy of all it uses.
void answer(const std::string& host, const base::Fd& to) {
  const std::string text = answer_for(host);
  (void)::send(to.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

Result<base::Fd> ask(std::string host) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno("cannot look up " + host);
  }
  base::Fd ours(ends[0]);
  try {
    std::thread(answer, std::move(host), base::Fd(ends[1])).detach();
  } catch (const std::system_error& error) {
    return fail(Code::kUnavailable, std::string("no thread to look it up: ") + error.what());
  }
  return ours;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos;) {
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

awaitable<Result<std::vector<std::string>>> resolve(std::string host) {
  auto socket = ask(host);
  if (!socket) {
    co_return tl::make_unexpected(socket.error());
  }
  stream::SocketStream answers(co_await asio::this_coro::executor, *std::move(socket));
  std::string text;
  std::string piece(kMostBytes, '\0');
  for (;;) {
    const auto n = co_await answers.read(asio::buffer(piece));
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    if (*n == 0 || text.size() > kMostBytes) {
      break;
    }
    text.append(piece, 0, *n);
  }
  const char verdict = text.empty() ? kTryAgain : text.front();
  const std::string rest = text.empty() ? "no answer" : text.substr(1);
  if (verdict == kFound) {
    co_return lines_of(rest);
  }
  co_return fail(verdict == kNoSuchName ? Code::kNotFound : Code::kUnavailable, host + ": " + rest);
}

}  // namespace rdev::commands

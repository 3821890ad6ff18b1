#include "client/cluster/openpai/push.h"

#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "client/ui/table.h"
#include "protocol/base/file.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster::openpai {
namespace {

constexpr std::string_view kGreeting = "rdev-stub 1 ";
constexpr std::string_view kOtherStub = "rdev-stub ";
constexpr std::string_view kSsh = "SSH-";
constexpr std::size_t kMaxAgent = 64U << 20U;
constexpr std::chrono::seconds kFirstWordLimit{20};
constexpr std::chrono::minutes kPushLimit{10};

// A descriptor of our own beside the caller's: Asio closes what it is given.
Result<asio::posix::stream_descriptor> watch(const asio::any_io_executor& executor, int socket) {
  const int copy = ::dup(socket);
  if (copy < 0) {
    return fail_errno("dup");
  }
  asio::posix::stream_descriptor stream(executor);
  boost::system::error_code error;
  stream.assign(copy, error);
  if (error) {
    ::close(copy);
    return fail(Code::kFailed, "cannot watch a socket: " + error.message());
  }
  stream.non_blocking(true, error);
  return stream;
}

// The first byte, which stays in the socket; '\0' at the end.
awaitable<Result<char>> first_byte(asio::posix::stream_descriptor& stream) {
  for (;;) {
    auto [error] = co_await stream.async_wait(asio::posix::descriptor_base::wait_read, use_tuple);
    if (error) {
      co_return fail(Code::kCancelled, "cancelled");
    }
    char byte = '\0';
    const ssize_t n = ::recv(stream.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
      co_return fail_errno("the connection");
    }
    if (n >= 0) {
      co_return byte;
    }
  }
}

// The first line with its end; less where there is none.
awaitable<Result<std::string>> first_line(asio::posix::stream_descriptor& stream) {
  std::string line;
  while (line.size() < kMaxGreeting && !line.ends_with('\n')) {
    char byte = '\0';
    auto [error, n] = co_await stream.async_read_some(asio::buffer(&byte, 1), use_tuple);
    if (error == asio::error::operation_aborted) {
      co_return fail(Code::kCancelled, "cancelled");
    }
    if (error) {
      break;
    }
    line += byte;
  }
  co_return line;
}

awaitable<Result<std::string>> first_words(asio::posix::stream_descriptor& stream) {
  const auto byte = co_await first_byte(stream);
  if (!byte) {
    co_return tl::make_unexpected(byte.error());
  }
  if (*byte == kSsh[0]) {
    co_return std::string(kSsh);
  }
  co_return co_await first_line(stream);
}

Result<std::string> load_agent(const StubGreeting& greeting, const AgentFile& agent_file) {
  const auto path = agent_file(greeting.agent_sha256);
  if (!path) {
    return tl::make_unexpected(path.error());
  }
  auto agent = base::read_file(*path, kMaxAgent);
  if (!agent) {
    return agent;
  }
  const auto hash = sha256_of(*agent);
  if (!hash || *hash != greeting.agent_sha256 || agent->size() != greeting.agent_size) {
    return fail(Code::kFailed, path->string() +
                                   " is not the agent that the job was made for (it "
                                   "has changed): rdev down and up again");
  }
  return agent;
}

awaitable<Result<Peer>> push(asio::posix::stream_descriptor& stream, std::string agent) {
  auto [sent_error, sent] = co_await asio::async_write(stream, asio::buffer(agent), use_tuple);
  std::array<char, 16> answer;
  auto [error, n] = co_await stream.async_read_some(asio::buffer(answer), use_tuple);
  if (!error && std::string_view(answer.data(), n).starts_with("ok")) {
    co_return Peer::kPushed;
  }
  if (!error && std::string_view(answer.data(), n).starts_with("wrong")) {
    co_return fail(Code::kProtocol, "the agent did not arrive as it was sent");
  }
  // Another client may have been first: whoever dials again will see.
  co_return fail(Code::kClosed, "the job's stub hung up while it got the agent: " +
                                    (sent_error ? sent_error : error).message());
}

}  // namespace

Result<std::string> sha256_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    return fail(Code::kFailed, "cannot hash with SHA-256");
  }
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kHex[digest[i] >> 4U];
    text += kHex[digest[i] & 0xfU];
  }
  return text;
}

Result<StubGreeting> parse_greeting(std::string_view bytes) {
  const auto wrong = fail(Code::kProtocol, "the job's stub says what is not understood");
  if (bytes.size() > kMaxGreeting) {
    return wrong;
  }
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) {
    return wrong;
  }
  std::string_view line = bytes.substr(0, end);
  if (!line.starts_with(kGreeting)) {
    return wrong;
  }
  line.remove_prefix(kGreeting.size());
  const std::string_view hash = line.substr(0, 64);
  const bool is_hex = std::all_of(hash.begin(), hash.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (line.size() < 66 || line[64] != ' ' || !is_hex) {
    return wrong;
  }
  StubGreeting greeting{.agent_sha256 = std::string(hash), .agent_size = 0};
  const auto [rest, error] =
      std::from_chars(line.data() + 65, line.data() + line.size(), greeting.agent_size);
  if (error != std::errc() || rest != line.data() + line.size() ||
      greeting.agent_size > kMaxAgent) {
    return wrong;
  }
  return greeting;
}

awaitable<Result<Peer>> meet(int socket, const AgentFile& agent_file) {
  auto stream = watch(co_await asio::this_coro::executor, socket);
  if (!stream) {
    co_return tl::make_unexpected(stream.error());
  }
  auto words = co_await base::with_timeout(first_words(*stream), kFirstWordLimit,
                                           "waiting for its first word");
  if (!words) {
    co_return tl::make_unexpected(words.error());
  }
  if (*words == kSsh) {
    co_return Peer::kAgent;
  }
  if (words->empty()) {
    co_return fail(Code::kClosed, "it hung up without a word");
  }
  if (!words->starts_with(kOtherStub)) {
    co_return fail(Code::kProtocol, "what answers there is neither the agent nor its stub: \"" +
                                        ui::printable_line(words->substr(0, 40)) + "\"");
  }
  const auto greeting = parse_greeting(*words);
  if (!greeting) {
    co_return fail(Code::kProtocol, "the job's stub is of another rdev: \"" +
                                        ui::printable_line(words->substr(0, 40)) + "\"");
  }
  auto agent = load_agent(*greeting, agent_file);
  if (!agent) {
    co_return tl::make_unexpected(agent.error());
  }
  co_return co_await base::with_timeout(push(*stream, std::move(*agent)), kPushLimit,
                                        "sending the agent");
}

}  // namespace rdev::cluster::openpai

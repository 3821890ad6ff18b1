#include "client/sftp/client.h"

#include <algorithm>
#include <utility>

namespace rdev::sftp {
namespace {

constexpr std::size_t kPieceBytes = 32U << 10U;
// Section 7.
constexpr std::uint32_t kEof = 1;
constexpr std::uint32_t kNoSuchFile = 2;
constexpr std::uint32_t kPermissionDenied = 3;

tl::unexpected<Error> refused(const Reply& reply) {
  const Code code = reply.status == kNoSuchFile         ? Code::kNotFound
                    : reply.status == kPermissionDenied ? Code::kPermission
                                                        : Code::kFailed;
  return fail(code,
              reply.text.empty() ? "SFTP status " + std::to_string(reply.status) : reply.text);
}

// A reply of another kind than that is an error.
Result<Reply> expect(Result<Reply> reply, Reply::Kind kind) {
  if (reply && reply->kind == Reply::Kind::kStatus && kind != Reply::Kind::kStatus) {
    return refused(*reply);
  }
  if (reply && reply->kind != kind) {
    return fail(Code::kProtocol, "the SFTP server answered something else than what was asked");
  }
  return reply;
}

}  // namespace

awaitable<Result<std::unique_ptr<Client>>> Client::start(std::unique_ptr<stream::Stream> server) {
  std::unique_ptr<Client> client(new Client(std::move(server)));
  const std::string hello = init();
  if (auto sent = co_await client->server_->write(asio::buffer(hello)); !sent) {
    co_return tl::make_unexpected(sent.error());
  }
  const auto version = expect(co_await client->receive(), Reply::Kind::kVersion);
  if (!version) {
    co_return tl::make_unexpected(version.error());
  }
  co_return client;
}

awaitable<Result<Reply>> Client::receive() {
  std::string piece(kPieceBytes, '\0');
  for (;;) {
    const auto packet = first_packet(received_);
    if (!packet) {
      co_return tl::make_unexpected(packet.error());
    }
    if (*packet) {
      auto reply = parse_reply(**packet);
      received_.erase(0, 4 + (*packet)->size());
      co_return reply;
    }
    const auto n = co_await server_->read(asio::buffer(piece));
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    if (*n == 0) {
      co_return fail(Code::kClosed, "the SFTP server ended");
    }
    received_.append(piece, 0, *n);
  }
}

awaitable<Result<std::vector<Reply>>> Client::exchange(std::string packets, std::uint32_t first,
                                                       std::size_t count) {
  if (auto sent = co_await server_->write(asio::buffer(packets)); !sent) {
    co_return tl::make_unexpected(sent.error());
  }
  std::vector<std::optional<Reply>> replies(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto reply = co_await receive();
    if (!reply) {
      co_return tl::make_unexpected(reply.error());
    }
    const std::uint32_t at = reply->id - first;  // another's wraps round to a large one
    if (at >= count || replies[at]) {
      co_return fail(Code::kProtocol, "the SFTP server answers what was not asked");
    }
    replies[at] = *std::move(reply);
  }
  std::vector<Reply> all;
  all.reserve(count);
  for (auto& reply : replies) {
    all.push_back(*std::move(reply));
  }
  co_return all;
}

awaitable<Result<Reply>> Client::ask(std::string packet) {
  auto replies = co_await exchange(std::move(packet), next_id_++, 1);
  if (!replies) {
    co_return tl::make_unexpected(replies.error());
  }
  co_return std::move(replies->front());
}

awaitable<Result<std::vector<Result<Attributes>>>> Client::stat(std::vector<std::string> paths) {
  const std::uint32_t first = next_id_;
  std::string packets;
  paths.resize(std::min(paths.size(), kMostAtOnce));
  for (const std::string& path : paths) {
    packets += sftp::stat(next_id_++, path);
  }
  auto replies = co_await exchange(std::move(packets), first, paths.size());
  if (!replies) {
    co_return tl::make_unexpected(replies.error());
  }
  std::vector<Result<Attributes>> found;
  for (Reply& reply : *replies) {
    const auto good = expect(std::move(reply), Reply::Kind::kAttributes);
    found.push_back(good ? Result<Attributes>(good->attributes)
                         : tl::make_unexpected(good.error()));
  }
  co_return found;
}

awaitable<Result<FileSystem>> Client::statvfs(std::string path) {
  const auto reply = expect(co_await ask(sftp::statvfs(next_id_, path)), Reply::Kind::kFileSystem);
  if (!reply) {
    co_return tl::make_unexpected(reply.error());
  }
  co_return reply->file_system;
}

awaitable<Result<std::string>> Client::read(std::string path, std::size_t max_bytes) {
  const auto opened =
      expect(co_await ask(sftp::open_to_read(next_id_, path)), Reply::Kind::kHandle);
  if (!opened) {
    co_return tl::make_unexpected(opened.error());
  }
  auto text = co_await read_open(opened->text, max_bytes);
  const auto closed = co_await ask(sftp::close(next_id_, opened->text));
  if (text && !closed) {
    co_return tl::make_unexpected(closed.error());
  }
  co_return text;
}

awaitable<Result<std::string>> Client::read_open(const std::string& handle, std::size_t max_bytes) {
  std::string text;
  while (text.size() < max_bytes) {
    const auto want = static_cast<std::uint32_t>(std::min(kPieceBytes, max_bytes - text.size()));
    auto reply = co_await ask(sftp::read(next_id_, handle, text.size(), want));
    if (reply && reply->kind == Reply::Kind::kStatus && reply->status == kEof) {
      break;
    }
    const auto data = expect(std::move(reply), Reply::Kind::kData);
    if (!data) {
      co_return tl::make_unexpected(data.error());
    }
    if (data->text.empty() || data->text.size() > want) {
      co_return fail(Code::kProtocol, "the SFTP server answered a read with " +
                                          std::to_string(data->text.size()) + " bytes");
    }
    text += data->text;
  }
  co_return text;
}

}  // namespace rdev::sftp

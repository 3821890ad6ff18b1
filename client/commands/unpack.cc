#include "client/commands/unpack.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/write.hpp>
#include <vector>

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

constexpr int kTarEndsWithinMs = 60'000;  // it has read all by then

Result<void> cannot(const std::string& what, const fs::path& path, const std::error_code& error) {
  return fail(Code::kFailed, "cannot " + what + " " + path.string() + ": " + error.message());
}

Result<std::vector<fs::path>> inside_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> inside;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    inside.push_back(it->path());
  }
  if (error) {
    return tl::make_unexpected(cannot("read", folder, error).error());
  }
  return inside;
}

// Takes out what is no file, folder or link, and what gives rights away.
Result<void> clean(const fs::path& path, Unpacked& result) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (error) {
    return cannot("read", path, error);
  }
  switch (status.type()) {
    case fs::file_type::symlink:
      ++result.files;
      return {};
    case fs::file_type::regular:
      ++result.files;
      result.bytes += fs::file_size(path, error);
      fs::permissions(path, status.permissions() & fs::perms::all, error);
      return error ? cannot("take rights from", path, error) : Result<void>();
    case fs::file_type::directory:
      break;
    default:
      ++result.left_out;
      fs::remove(path, error);
      return error ? cannot("remove", path, error) : Result<void>();
  }
  fs::permissions(path, (status.permissions() & fs::perms::all) | fs::perms::owner_all, error);
  if (error) {
    return cannot("take rights from", path, error);
  }
  const auto inside = inside_of(path);
  if (!inside) {
    return tl::make_unexpected(inside.error());
  }
  for (const fs::path& one : *inside) {
    if (auto cleaned = clean(one, result); !cleaned) {
      return cleaned;
    }
  }
  return {};
}

Result<void> move_onto(const fs::path& from, const fs::path& to) {
  std::error_code error;
  const bool is_folder = fs::is_directory(fs::symlink_status(from, error));
  const fs::file_status there = fs::symlink_status(to, error);
  if (is_folder && fs::is_directory(there)) {
    const auto inside = inside_of(from);
    if (!inside) {
      return tl::make_unexpected(inside.error());
    }
    for (const fs::path& one : *inside) {
      if (auto moved = move_onto(one, to / one.filename()); !moved) {
        return moved;
      }
    }
    return {};
  }
  if (fs::exists(there) && (is_folder || fs::is_directory(there))) {
    return fail(Code::kExists, to.string() + (is_folder ? " is no folder" : " is a folder") +
                                   " here, in the job it is " + (is_folder ? "one" : "none") +
                                   ": move it away");
  }
  fs::rename(from, to, error);
  return error ? cannot("write", to, error) : Result<void>();
}

}  // namespace

Result<Unpacking> Unpacking::begin(const asio::any_io_executor& executor, fs::path onto) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno("cannot make a socket");
  }
  asio::local::stream_protocol::socket ours(executor, asio::local::stream_protocol(), ends[0]);
  const base::Fd theirs(ends[1]);
  std::string place = (onto / ".rdev-fetch.XXXXXX").string();
  if (::mkdtemp(place.data()) == nullptr) {
    return fail_errno("cannot write to " + onto.string());
  }
  // As root it would take owners over.
  auto tar = carrier::Child::spawn({"tar", "-xof", "-", "-C", place}, theirs.get(), STDERR_FILENO,
                                   STDERR_FILENO);
  if (!tar) {
    std::error_code ignored;
    fs::remove_all(place, ignored);
    return tl::make_unexpected(tar.error());
  }
  return Unpacking(std::move(ours), *std::move(tar), std::move(onto), std::move(place));
}

Unpacking::~Unpacking() {
  if (!place_.empty()) {
    tar_.reset();
    std::error_code ignored;
    fs::remove_all(place_, ignored);
  }
}

awaitable<Result<void>> Unpacking::write(std::string_view bytes) {
  const auto [error, n] =
      co_await asio::async_write(pipe_, asio::buffer(bytes.data(), bytes.size()), use_tuple);
  co_return error ? fail(Code::kFailed, "tar, which unpacks the results here, has ended")
                  : Result<void>();
}

Result<Unpacked> Unpacking::finish(const std::string& name) {
  pipe_.close();
  if (const int code = tar_->wait(kTarEndsWithinMs); code != 0) {
    return fail(Code::kFailed, "tar could not unpack it here (code " + std::to_string(code) + ")");
  }
  Unpacked result;
  auto done = clean(place_ / name, result);
  std::error_code error;
  if (done && fs::exists(fs::symlink_status(place_ / name, error))) {
    done = move_onto(place_ / name, onto_ / name);
  }
  return done ? Result<Unpacked>(result) : tl::make_unexpected(done.error());
}

}  // namespace rdev::commands

#include "client/link/seat.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "protocol/base/file.h"

namespace rdev::link_process {
namespace {

constexpr off_t kLongestLog = 1 << 20;
constexpr off_t kKeptLog = kLongestLog / 2;

awaitable<Result<base::Fd>> lock_alone(const Background& background) {
  for (;;) {
    auto lock = base::lock_file(background.files.lock, base::LockWait::kTry);
    if (lock || lock.error().code != Code::kExists) {
      co_return lock;
    }
    auto other = process_of(background);
    if (!other) {
      co_return tl::make_unexpected(other.error());
    }
    if (auto ended = co_await end_process(std::move(*other)); !ended) {
      co_return tl::make_unexpected(ended.error());
    }
  }
}

}  // namespace

awaitable<Result<Seat>> Seat::take(Background background) {
  auto lock = co_await lock_alone(background);
  if (!lock) {
    co_return tl::make_unexpected(lock.error());
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock->get(), 0) != 0 ||
      ::pwrite(lock->get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    co_return fail_errno("cannot write " + background.files.lock.string());
  }
  auto listener = base::UnixListener::open(background.files.socket);
  if (!listener) {
    co_return tl::make_unexpected(listener.error());
  }
  co_return Seat(std::move(*lock), std::move(*listener));
}

Result<void> trim_log(const std::filesystem::path& file) {
  const base::Fd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return fail_errno("cannot open " + file.string());
  }
  if (status.st_size <= kLongestLog) {
    return {};
  }
  std::string kept(kKeptLog, '\0');
  const ssize_t n = ::pread(fd.get(), kept.data(), kept.size(), status.st_size - kKeptLog);
  if (n < 0) {
    return fail_errno("cannot read " + file.string());
  }
  kept.resize(static_cast<std::size_t>(n));
  kept.erase(0, kept.find('\n') + 1);
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), kept.data(), kept.size(), 0) != static_cast<ssize_t>(kept.size())) {
    return fail_errno("cannot shorten " + file.string());
  }
  return {};
}

}  // namespace rdev::link_process

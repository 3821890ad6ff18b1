#include "client/storage/copies.h"

#include <boost/asio/steady_timer.hpp>

#include "client/storage/path.h"

namespace rdev::storage {
namespace {

constexpr std::size_t kAtOnce = 4;

}  // namespace

Copies::Copies(const asio::any_io_executor& executor, Store& store, TransferOptions options)
    : store_(store), options_(std::move(options)), tasks_(executor), one_ended_(executor) {}

awaitable<void> Copies::room() {
  while (running_ >= kAtOnce) {
    co_await one_ended_.wait();
  }
}

awaitable<void> Copies::fetch(std::string path, Item source, std::shared_ptr<LocalFolder> folder,
                              std::string name) {
  co_await room();
  if (!gone_) {
    ++running_;
    ++totals_.known_files;
    totals_.known_bytes += source.bytes;
    tasks_.spawn("copy",
                 fetch_one(std::move(path), std::move(source), std::move(folder), std::move(name)));
  }
}

awaitable<void> Copies::send(std::filesystem::path source, std::string path) {
  co_await room();
  if (!gone_) {
    ++running_;
    ++totals_.known_files;
    tasks_.spawn("copy", send_one(std::move(source), std::move(path)));
  }
}

awaitable<Result<Totals>> Copies::wait() {
  co_await tasks_.wait();
  if (gone_) {
    co_return tl::make_unexpected(*gone_);
  }
  co_return std::move(totals_);
}

// A store that does not answer will not for the next file; what is wrong with one file is not so
// with the others.
void Copies::ended(const Result<void>& result) {
  if (result) {
    ++totals_.files;
  } else if (is_passing(result.error().code)) {
    gone_ = gone_ ? gone_ : result.error();
  } else {
    totals_.errors.push_back(result.error());
  }
  options_.moved(totals_);
  --running_;
  one_ended_.notify();
}

// Whether to try again.
awaitable<bool> Copies::pause(int& tries, bool has_moved, const Error& error) {
  tries = has_moved ? 1 : tries + 1;
  if (!is_passing(error.code) || tries > options_.tries || gone_) {
    co_return false;
  }
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(options_.pause * (1 << std::min(tries - 1, 5)));
  auto [cancelled] = co_await timer.async_wait(use_tuple);
  co_return !cancelled;
}

awaitable<Result<void>> Copies::fetch_repeatedly(std::string path, Item source, LocalPart& part) {
  for (int tries = 0;;) {
    const std::uint64_t before = part.offset();
    const http::Sink sink = [this, &part](std::string_view bytes) -> Result<void> {
      totals_.bytes += bytes.size();
      options_.moved(totals_);
      return part.append(bytes);
    };
    Range range{.offset = before, .bytes = source.bytes, .version = source.version};
    auto read = co_await store_.read(path, std::move(range), sink);
    if (read) {
      read = part.finish();
    }
    if (read) {
      co_return read;
    }
    const bool again = co_await pause(tries, part.offset() > before, read.error());
    if (!again) {
      co_return read;
    }
  }
}

awaitable<void> Copies::fetch_one(std::string path, Item source,
                                  std::shared_ptr<LocalFolder> folder, std::string name) {
  Result<void> done;
  auto part = LocalPart::open(std::move(folder), name, source);
  if (!part) {
    done = tl::make_unexpected(part.error());
  } else {
    totals_.resumed += part->offset();
    done = co_await fetch_repeatedly(std::move(path), std::move(source), *part);
  }
  ended(done);
}

awaitable<Result<void>> Copies::send_repeatedly(std::string path, LocalFile& file) {
  for (int tries = 0;;) {
    std::uint64_t sent = 0;
    std::uint64_t kept = 0;
    Upload upload = file.upload;
    upload.kept = [&kept](std::uint64_t bytes) { kept += bytes; };
    upload.source.read = [this, &sent, read = file.upload.source.read](
                             std::uint64_t offset, asio::mutable_buffer buffer) {
      auto n = read(offset, buffer);
      sent += n.value_or(0);
      totals_.bytes += n.value_or(0);
      options_.moved(totals_);
      return n;
    };
    auto written = co_await store_.write(path, std::move(upload));
    totals_.resumed += tries == 0 ? kept : 0;
    if (written) {
      co_return file.check_unchanged();
    }
    const bool again = co_await pause(tries, sent > (1U << 20U), written.error());
    if (!again) {
      co_return written;
    }
  }
}

awaitable<void> Copies::send_one(std::filesystem::path source, std::string path) {
  Result<void> done;
  auto file = open_local(source);
  if (!file) {
    done = tl::make_unexpected(file.error());
  } else {
    totals_.known_bytes += file->upload.source.bytes;
    done = co_await send_repeatedly(std::move(path), *file);
  }
  ended(done);
}

}  // namespace rdev::storage

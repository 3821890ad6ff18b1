#include "client/link/background.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <charconv>
#include <memory>
#include <thread>

#include "protocol/base/daemon.h"
#include "protocol/base/file.h"
#include "protocol/base/notify.h"
#include "protocol/base/readable.h"
#include "protocol/base/with_timeout.h"

namespace rdev::link_process {
namespace {

constexpr std::chrono::seconds kEndLimit{3};
// The process may be about to end while we connect: then another is started.
constexpr int kAttempts = 3;

Result<void> make_directories(const state::BackgroundFiles& files) {
  for (const auto& directory : {files.socket.parent_path(), files.lock.parent_path()}) {
    if (auto made = base::make_private_dir(directory); !made) {
      return made;
    }
  }
  return {};
}

struct Waiting {
  explicit Waiting(const asio::any_io_executor& executor) : done(executor) {}
  base::Notify done;
  std::optional<Result<base::Fd>> lock;
};

void wait_in_thread(const std::shared_ptr<Waiting>& waiting, const std::filesystem::path& path,
                    const asio::any_io_executor& executor) {
  std::thread([waiting, path, executor] {
    auto lock = std::make_shared<Result<base::Fd>>(base::lock_file(path, base::LockWait::kBlock));
    asio::post(executor, [waiting, lock] {
      waiting->lock = std::move(*lock);
      waiting->done.notify();
    });
  }).detach();
}

// flock(2) without stopping the loop: who holds it starts the process meanwhile.
awaitable<Result<base::Fd>> lock_starter(std::filesystem::path path) {
  auto lock = base::lock_file(path, base::LockWait::kTry);
  if (lock || lock.error().code != Code::kExists) {
    co_return lock;
  }
  const auto executor = co_await asio::this_coro::executor;
  const auto waiting = std::make_shared<Waiting>(executor);
  wait_in_thread(waiting, path, executor);
  while (!waiting->lock) {
    co_await waiting->done.wait();
  }
  co_return std::move(*waiting->lock);
}

awaitable<Result<void>> start(const Background& background) {
  auto program = state::own_program();
  if (!program) {
    co_return tl::make_unexpected(program.error());
  }
  base::DaemonOptions options{.program = std::move(*program),
                              .arguments = {background.command, background.job},
                              .variables = background.variables,
                              .log = background.files.log};
  co_return co_await base::start_daemon(std::move(options));
}

base::Fd open_process(pid_t pid) {
  return base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

Result<void> send_signal(const base::Fd& process, int signal) {
  if (::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) != 0 && errno != ESRCH) {
    return fail_errno("cannot end a background process");
  }
  return {};
}

bool is_locked(const std::filesystem::path& lock) {
  std::error_code error;
  if (!std::filesystem::exists(lock, error)) {
    return false;
  }
  const auto held = base::lock_file(lock, base::LockWait::kTry);
  return !held && held.error().code == Code::kExists;
}

awaitable<Result<void>> wait_for(const base::Fd& process) {
  base::Fd copy(::dup(process.get()));
  if (!copy) {
    co_return fail_errno("cannot wait for a process");
  }
  co_return co_await base::wait_readable(std::move(copy));
}

}  // namespace

Result<base::UnixPeer> connect_background(const Background& background) {
  return base::connect_unix(background.files.socket);
}

awaitable<Result<base::UnixPeer>> connect_or_start(Background background) {
  auto peer = connect_background(background);
  if (peer || peer.error().code != Code::kUnavailable) {
    co_return peer;
  }
  if (auto made = make_directories(background.files); !made) {
    co_return tl::make_unexpected(made.error());
  }
  const auto lock = co_await lock_starter(background.files.starter);
  if (!lock) {
    co_return tl::make_unexpected(lock.error());
  }
  for (int i = 0; i < kAttempts; ++i) {
    peer = connect_background(background);
    if (peer || peer.error().code != Code::kUnavailable) {
      break;
    }
    if (auto started = co_await start(background); !started) {
      co_return tl::make_unexpected(started.error());
    }
  }
  co_return peer;
}

Result<base::Fd> process_of(const Background& background) {
  if (auto peer = connect_background(background)) {
    if (base::Fd process = open_process(peer->pid)) {
      return process;
    }
  }
  if (!is_locked(background.files.lock)) {
    return base::Fd();
  }
  const auto text = base::read_file(background.files.lock, 32);
  pid_t pid = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), pid).ec != std::errc()) {
    return fail(Code::kFailed, "the process that holds " + background.files.lock.string() +
                                   " has not said which it is: try again");
  }
  base::Fd process = open_process(pid);
  // Still locked, so the number was still that process's.
  return is_locked(background.files.lock) ? std::move(process) : base::Fd();
}

awaitable<Result<void>> await_end(base::Fd process) {
  if (!process) {
    co_return Result<void>{};
  }
  auto ended = co_await base::with_timeout(wait_for(process), kEndLimit, "ending");
  if (ended || ended.error().code != Code::kTimeout) {
    co_return ended;
  }
  if (auto killed = send_signal(process, SIGKILL); !killed) {
    co_return killed;
  }
  co_return co_await wait_for(process);
}

awaitable<Result<void>> end_process(base::Fd process) {
  if (process) {
    if (auto asked = send_signal(process, SIGTERM); !asked) {
      co_return asked;
    }
  }
  co_return co_await await_end(std::move(process));
}

}  // namespace rdev::link_process

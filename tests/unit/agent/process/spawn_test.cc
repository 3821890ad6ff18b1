#include "agent/process/spawn.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "agent/process/terminal.h"
#include "protocol/base/fd.h"
#include "tests/unit/run.h"

namespace rdev::process {
namespace {

using testing::HasSubstr;
using Spawned = tl::expected<Child, SpawnError>;

class Spawn : public testing::Test {
 protected:
  Spawn() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    output_.reset(ends[0]);
    write_end_.reset(ends[1]);
  }

  Command shell(const std::string& script) {
    return Command{.program = "sh",
                   .argv = {"sh", "-c", script},
                   .environment = Environment({"PATH=/usr/bin:/bin"}),
                   .out = write_end_.get(),
                   .err = write_end_.get()};
  }
  Spawned start(Command command) {
    return test::run(context_, spawn(reaper_, limits_, std::move(command)));
  }
  Ended end(const Spawned& child) { return test::run(context_, child->wait()); }
  // Runs it to its end, which must be good; what it printed.
  std::string print(Command command) {
    const Spawned child = start(std::move(command));
    EXPECT_TRUE(child) << child.error().message;
    EXPECT_EQ(end(child).shell_code(), 0);
    return output();
  }
  std::string output() {
    write_end_.reset();
    std::string text;
    char buffer[4096];
    ssize_t n = 0;
    while ((n = ::read(output_.get(), buffer, sizeof buffer)) > 0) {
      text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
  }

  asio::io_context context_;
  Reaper reaper_{context_.get_executor()};
  JobLimits limits_;
  base::Fd output_, write_end_;
};

TEST_F(Spawn, TellsExitCodes) {
  for (const int code : {0, 1, 77, 255}) {
    const Spawned child = start(shell("exit " + std::to_string(code)));
    ASSERT_TRUE(child) << child.error().message;
    const Ended ended = end(child);
    EXPECT_EQ(ended.code, code);
    EXPECT_EQ(ended.signal, 0);
  }
}

TEST_F(Spawn, TellsSignals) {
  const Ended ended = end(start(shell("kill -TERM $$")));
  EXPECT_EQ(ended.signal, SIGTERM);
  EXPECT_EQ(ended.shell_code(), 143);
}

TEST_F(Spawn, SignalsTheGroupAndNotTheDead) {
  const Spawned child = start(shell("sleep 1000 & echo; wait"));
  char byte = 0;
  ASSERT_EQ(::read(output_.get(), &byte, 1), 1);
  child->signal_group(SIGKILL);
  EXPECT_EQ(end(child).signal, SIGKILL);
  EXPECT_EQ(output(), "");  // the sleep is dead as well, or this would wait for it
  child->signal_group(SIGKILL);
}

TEST_F(Spawn, AbsentProgramIs127) {
  Command command = shell("");
  command.program = "no-such-program";
  const Spawned child = start(command);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().exit_code, 127);
  EXPECT_EQ(child.error().message, "no-such-program: command not found");
  command.program = "/no/such/program";
  EXPECT_EQ(start(command).error().exit_code, 127);
  command.program = "";
  EXPECT_EQ(start(command).error().exit_code, 127);
}

TEST_F(Spawn, WhatCannotRunIs126) {
  Command command = shell("");
  command.program = "/etc/passwd";
  Spawned child = start(command);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().exit_code, 126);
  EXPECT_THAT(child.error().message, HasSubstr("Permission denied"));
  command.program = "/";
  EXPECT_EQ(start(command).error().exit_code, 126);
}

TEST_F(Spawn, TooLongAnArgumentIs126AndSaysSo) {
  const Spawned child = start(shell(": " + std::string(131072, 'x')));
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().exit_code, 126);
  EXPECT_THAT(child.error().message, HasSubstr("131071"));
}

TEST_F(Spawn, LooksInThePathOfTheEnvironmentAndPassesOverWhatMayNotRun) {
  Command command = shell("echo found");
  command.environment = Environment({"PATH=/etc:/nowhere:/bin"});
  EXPECT_EQ(print(command), "found\n");
}

TEST_F(Spawn, RunsAnOpenProgram) {
  const base::Fd program(::open("/bin/sh", O_PATH | O_CLOEXEC));
  Command command = shell("echo here");
  command.program = "/nowhere";
  command.program_fd = program.get();
  EXPECT_EQ(print(command), "here\n");
}

TEST_F(Spawn, LeadsItsOwnSession) {
  const Spawned child =
      start(shell("echo $$; read -r _ _ _ _ group session _ < /proc/$$/stat; "
                  "echo $group; echo $session"));
  ASSERT_EQ(end(child).code, 0);
  const std::string pid = std::to_string(child->pid()) + "\n";
  EXPECT_EQ(output(), pid + pid + pid);
}

TEST_F(Spawn, HasNoOtherFds) {
  const base::Fd leak(::open("/dev/null", O_RDONLY));  // not close-on-exec
  ASSERT_GT(leak.get(), 2);
  EXPECT_EQ(print(shell("test -e /proc/$$/fd/2 && ! test -e /proc/$$/fd/" +
                        std::to_string(leak.get()) + " && echo closed")),
            "closed\n");
}

TEST_F(Spawn, HasDefaultSignals) {
  struct sigaction ignore{}, before{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  const std::string masks = print(shell("exec grep -E '^Sig(Blk|Ign)' /proc/self/status"));
  ::sigaction(SIGPIPE, &before, nullptr);
  EXPECT_EQ(masks, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_F(Spawn, GivesBackTheJobsLimits) {
  limits_.files = rlimit{.rlim_cur = 123, .rlim_max = 456};
  limits_.oom_score_adj = "321";
  EXPECT_EQ(print(shell("ulimit -Sn; ulimit -Hn; cat /proc/$$/oom_score_adj")), "123\n456\n321\n");
}

TEST_F(Spawn, StartsInItsDirectory) {
  Command command = shell("pwd");
  command.directory = "/usr";
  EXPECT_EQ(print(command), "/usr\n");
}

TEST_F(Spawn, SaysWhenItsDirectoryCannotBeEntered) {
  Command command = shell("pwd");
  command.directory = "/nowhere";
  EXPECT_EQ(print(command), "rdev: cannot enter /nowhere, starting in /\n/\n");
}

TEST_F(Spawn, TakesTheTerminal) {
  auto terminal = open_terminal({.columns = 101, .rows = 37}, "", ::geteuid());
  ASSERT_TRUE(terminal) << terminal.error().message;
  Command command = shell("stty size < /dev/tty > /dev/fd/2");
  command.in = terminal->slave.get();
  command.terminal = true;
  EXPECT_EQ(print(command), "37 101\n");
}

TEST_F(Spawn, BecomesAnotherUser) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can";
  }
  Command command = shell("id -u; id -g; id -G; grep -c . /etc/shadow");
  command.identity = Identity{.uid = 12345, .gid = 12346, .groups = {12347, 12348}};
  const Spawned child = start(command);
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_NE(end(child).code, 0);
  EXPECT_THAT(output(),
              HasSubstr("12345\n12346\n12346 12347 12348\ngrep: /etc/shadow: Permission"));
}

TEST_F(Spawn, SaysWhenItMayNotBecomeAnotherUser) {
  // In a process that may not: the tests may be root's.
  const pid_t tester = ::fork();
  if (tester == 0) {
    context_.notify_fork(asio::io_context::fork_child);
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) {
      ::_exit(2);
    }
    Command command = shell("id");
    command.identity = Identity{.uid = 12345, .gid = 12346, .groups = {}};
    const Spawned child = start(command);
    const bool told =
        !child && child.error().message.find("cannot become uid 12345") != std::string::npos;
    ::_exit(told ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(tester, &status, 0), tester);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace rdev::process

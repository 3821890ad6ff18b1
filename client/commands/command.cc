#include "client/commands/command.h"

namespace rdev::commands {

const std::vector<Command>& command_table() {
  using Kind = Command::Kind;
  static const std::vector<Command> kTable = {
      {"up", "Start a job, or join it again when it is running",
       "rdev up train --cluster docker --image pytorch/pytorch -- python train.py",
       Kind::kTakesCommand, setup_up},
      {"attach",
       "Take over a job that runs, from another laptop or when the state of this one is lost",
       "rdev attach alice~rdev-train-3f2a1b", Kind::kNormal, setup_attach},
      {"exec", "Run a program in a job: its words exact, its stdin, stdout, stderr apart",
       "tar c src | rdev exec train -- tar x -C /work", Kind::kTakesCommand, setup_exec},
      {"ssh", "Open a shell in a job, or a program with a terminal", "rdev ssh train -- htop",
       Kind::kTakesCommand, setup_ssh},
      {"forward", "Join ports and unix sockets of this machine and of a job, as ssh -L, -R and -D",
       "rdev forward train -L 8080:localhost:80", Kind::kNormal, setup_forward},
      {"connect", "Give programs that want a host and a port a way into a job by SSH",
       "rdev connect train", Kind::kNormal, setup_connect},
      {"extend", "Let a job live longer", "rdev extend train 2h", Kind::kNormal, setup_extend},
      {"ls", "List the jobs", "rdev ls --all", Kind::kNormal, setup_ls},
      {"status", "Show one job", "rdev status train", Kind::kNormal, setup_status},
      {"logs", "Print a job's output", "rdev logs train -f", Kind::kNormal, setup_logs},
      {"env", "Show how the environments of a job's sessions and of its own command differ",
       "rdev env diff train", Kind::kNormal, setup_env},
      {"doctor", "Find out why something does not work: here, on the way, or in a job",
       "rdev doctor", Kind::kNormal, setup_doctor},
      {"down", "End a job and remove all that belongs to it", "rdev down train", Kind::kNormal,
       setup_down},
      {"job", "Run a command as a job, submit one, look after any job of a cluster",
       "rdev job run --gpus 1 --source train.py -- python train.py", Kind::kTakesCommand,
       setup_job},
      {"history", "Show what was submitted from here, and how", "rdev up again --like train",
       Kind::kNormal, setup_history},
      {"cluster", "Say where jobs can run: add a cluster, show it, choose one",
       "rdev cluster add pai --url https://pai.example.com --user alice", Kind::kNormal,
       setup_cluster},
      {"set", "Give options a default: in the project's .rdev.yaml, or for all directories",
       "rdev set image=python:3.12 gpus=1; rdev set -g cluster=pai", Kind::kNormal, setup_set},
      {"get", "Show the defaults, and where each comes from", "rdev get", Kind::kNormal, setup_get},
      {"unset", "Take a default out again", "rdev unset image", Kind::kNormal, setup_unset},
      {"trust", "Let a project's .rdev.yaml choose clusters, mounts and commands, too",
       "rdev trust", Kind::kNormal, setup_trust},
      {"storage", "Files in a cluster's storages: list, copy, remove",
       "rdev storage cp -r data pai://pai/blob-data/train", Kind::kNormal, setup_storage},
      {"proxy", "Speak SSH on stdin and stdout for a job, as ssh's ProxyCommand",
       "ssh -o ProxyCommand='rdev proxy train' rdev-train", Kind::kNormal, setup_proxy},
      {"ssh-config", "Let stock ssh, scp and editors know the jobs", "rdev ssh-config --install",
       Kind::kNormal, setup_ssh_config},
      {"completion", "Print a completion script for a shell", "source <(rdev completion bash)",
       Kind::kNormal, setup_completion},
      {"man", "Print a manual page", "rdev man up | man -l -", Kind::kNormal, setup_man},
  };
  return kTable;
}

}  // namespace rdev::commands

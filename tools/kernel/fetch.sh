# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Debian's kernels by name. apt finds, downloads and verifies them, with lists, cache and settings of its
# own in $KERNEL_CACHE: the machine's own apt and dpkg are asked for their mirror and left as they are.

KERNEL_CACHE=${KERNEL_CACHE:-${XDG_CACHE_HOME:-${HOME:-~}/.cache}/perfbeads/kernels}
KERNEL_ARCH=amd64
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# Small lists that hold the kernels of the reference release, and large ones that hold all.
FEW_SUITES='bookworm-security bookworm-backports'
ALL_SUITES="bullseye bullseye-security bookworm $FEW_SUITES trixie trixie-security trixie-backports"

# Where this machine gets Debian from: "main URI" and "security URI", one of each.
mirrors()
{
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 2>/dev/null |
		awk '$3 != "main" || $2 !~ /^(old)*(stable|testing|unstable|sid|bullseye|bookworm|trixie|forky)/ { next }
			{ kind = $2 ~ /-security$/ ? "security" : "main" }
			!seen[kind]++ { print kind, $1 }'
}

# write_sources DIR SUITE...
write_sources()
{
	local dir=$1 main security suite uri

	shift
	main=$(mirrors | sed -n 's/^main //p')
	security=$(mirrors | sed -n 's/^security //p')
	[ -n "$main" ] || { echo "apt has no source for Debian here"; return 1; }
	for suite; do
		case $suite in *-security) uri=$security ;; *) uri=$main ;; esac
		[ -z "$uri" ] || echo "deb [arch=$KERNEL_ARCH signed-by=$KEYRING] $uri $suite main"
	done >"$dir/sources.list"
}

# How to reach a mirror (proxies) stays as on this machine. Nothing else does: an apt.conf.d may hold
# hooks, and those would work on the machine's own cache.
write_settings()
{
	local dir=$1

	apt-config dump Acquire >"$dir/apt.conf"
	cat >>"$dir/apt.conf" <<-EOF
		Dir::Etc::main "/dev/null";
		Dir::Etc::parts "/dev/null";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State "$dir";
		Dir::State::lists "$dir/lists";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir";
		APT::Architecture "$KERNEL_ARCH";
		APT::Architectures { "$KERNEL_ARCH"; };
		APT::Sandbox::User "root";
		Acquire::Languages { "none"; };
		Acquire::Retries "3";
		Acquire::http::Timeout "30";
		APT::Update::Error-Mode "any";
		DPkg::Lock::Timeout "120";
	EOF
}

# use_index few|all: from here on apt_private() knows these suites. Says why it cannot. Lists are fetched once a
# day; old ones do where there is no network, and the others where a suite has left the mirror.
use_index()
{
	local lock said=''

	INDEX=$KERNEL_CACHE/index-$1
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
		{ echo "no apt-get and dpkg-deb: this is no Debian"; return 1; }
	mkdir -p "$INDEX/lists/partial" "$INDEX/archives/partial" || return 1
	exec {lock}>"$INDEX/lock"
	flock -w 300 "$lock"
	if [ -z "$(find "$INDEX/updated" -mmin -1440 2>/dev/null)" ]; then
		said=$(update_index "$1" 2>&1)
	fi
	exec {lock}>&-
	[ -n "$(list_kernels)" ] ||
		{ echo "Debian's lists of packages cannot be had: $(head -1 <<<"$said")"; return 1; }
}

update_index()
{
	local suites

	case $1 in few) suites=$FEW_SUITES ;; *) suites=$ALL_SUITES ;; esac
	: >>"$INDEX/status"
	# shellcheck disable=SC2086 # words of their own
	write_sources "$INDEX" $suites && write_settings "$INDEX" &&
		apt_private apt-get -qq update && touch "$INDEX/updated"
}

apt_private()
{
	APT_CONFIG=$INDEX/apt.conf "$@"
}

# Every kernel of the index, oldest first, as "uname -r" has it.
list_kernels()
{
	apt_private apt-cache pkgnames linux-image- | sed 's/^linux-image-//' |
		grep -E "^[0-9]+\.[0-9]+\.[0-9][^-]*(-[0-9]+)?(-cloud|-rt)?-$KERNEL_ARCH\$" | sort -V
}

# match_kernels WORD: the kernels a word on the command line means; see tools/kernel-matrix.
match_kernels()
{
	local series flavour

	if [[ $1 =~ ^([0-9]+\.[0-9]+|newest)(-(cloud|rt|generic))?$ ]]; then
		series=${BASH_REMATCH[1]}
		flavour=-${BASH_REMATCH[3]:-cloud}
		[ "$series" = newest ] && series='[0-9]+\.[0-9]+' || series=${series//./\\.}
		list_kernels | grep -E "^$series\.[^-]*(-[0-9]+)?${flavour#-generic}-$KERNEL_ARCH\$" | tail -1
	else
		list_kernels | grep -xE -e "$1"
	fi
}

# fetch_kernel RELEASE: its image is then $KERNEL_CACHE/vmlinuz-RELEASE. Says why not.
fetch_kernel()
{
	local image=$KERNEL_CACHE/vmlinuz-$1 package=linux-image-$1 work said

	# Used today: what nobody used for two months goes.
	find "$KERNEL_CACHE" -maxdepth 1 -name 'vmlinuz-*' -mtime +60 -delete
	[ ! -s "$image" ] || { touch "$image"; return 0; }
	# Since 7.0 the image is in a package of its own.
	apt_private apt-cache show "linux-binary-$1" >/dev/null 2>&1 && package=linux-binary-$1
	work=$(mktemp -d "$KERNEL_CACHE/fetch.XXXXXX") || return 1
	said=$(cd "$work" && apt_private apt-get -qq download "$package" 2>&1 &&
		dpkg-deb --fsys-tarfile ./*.deb |
		tar -x --wildcards './boot/vmlinuz-*' './usr/lib/modules/*/vmlinuz' 2>&1)
	# Renamed into place: another run may want it at this moment. tar kept the time of its making.
	find "$work" -type f -name 'vmlinuz*' -exec touch {} \; -exec mv {} "$image" \;
	rm -rf "$work"
	[ -s "$image" ] || { echo "$package cannot be downloaded: $(tail -1 <<<"$said")"; return 1; }
}

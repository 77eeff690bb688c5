//! Members and the checked list of them.

use super::error::RingError;
use super::zone::Zone;
use crate::id::MemberId;
use crate::limits::{MEMBER_NAME_BYTES_MAX, MEMBERS_MAX};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A node of the cluster, as placement sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Names it for ever; see [`MemberId::from_name`].
    pub id: MemberId,
    /// For people: 1 to [`MEMBER_NAME_BYTES_MAX`] characters of visible ASCII.
    pub name: String,
    /// What it is expected to fail together with.
    pub zone: Zone,
    /// Its weight: vnodes are shared in proportion to it. 0 owns nothing.
    pub capacity: u32,
}

impl Member {
    /// The member called `name`, with the id that follows from it.
    #[must_use]
    pub fn new(name: &str, zone: Zone, capacity: u32) -> Self {
        Self {
            id: MemberId::from_name(name),
            name: name.into(),
            zone,
            capacity,
        }
    }
}

/// Where a member stands in its [`Members`]. Means nothing for another list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MemberIndex(u16);

impl MemberIndex {
    /// The index as a subscript.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    pub(super) fn new(index: usize) -> Self {
        Self(u16::try_from(index).expect("a list has at most MEMBERS_MAX members"))
    }
}

const _: () = assert!(MEMBERS_MAX <= 1 << 16);

/// A checked list of members in the order of their ids, whatever order they were given in.
///
/// Names and ids are unique, there are at most [`MEMBERS_MAX`], and at least one has capacity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Member>", into = "Vec<Member>")]
pub struct Members(Vec<Member>);

impl Members {
    /// Checks `list` and puts it in order.
    ///
    /// # Errors
    /// Says what is wrong with the list.
    pub fn new(mut list: Vec<Member>) -> Result<Self, RingError> {
        if list.len() > MEMBERS_MAX {
            return Err(RingError::TooManyMembers { count: list.len() });
        }
        if let Some(member) = list.iter().find(|member| !is_name(&member.name)) {
            return Err(RingError::BadName {
                name: member.name.clone(),
            });
        }
        if list.iter().all(|member| member.capacity == 0) {
            return Err(RingError::NoCapacity);
        }
        list.sort_unstable_by(|a, b| (a.id, &a.name).cmp(&(b.id, &b.name)));
        check_unique(&list)?;
        Ok(Self(list))
    }

    /// How many there are, with those that have no capacity.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never true: a list without members has no capacity.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The member at `index`, if the list is that long.
    #[must_use]
    pub fn at(&self, index: MemberIndex) -> Option<&Member> {
        self.0.get(index.get())
    }

    /// Where the member with `id` stands.
    #[must_use]
    pub fn index_of(&self, id: MemberId) -> Option<MemberIndex> {
        self.0
            .binary_search_by_key(&id, |member| member.id)
            .ok()
            .map(MemberIndex::new)
    }

    /// All, by ascending id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (MemberIndex, &Member)> {
        self.0
            .iter()
            .enumerate()
            .map(|(index, member)| (MemberIndex::new(index), member))
    }

    /// Those with capacity, by ascending id.
    pub(super) fn owners(&self) -> impl Iterator<Item = (MemberIndex, &Member)> {
        self.iter().filter(|(_, member)| member.capacity > 0)
    }
}

impl TryFrom<Vec<Member>> for Members {
    type Error = RingError;

    fn try_from(list: Vec<Member>) -> Result<Self, RingError> {
        Self::new(list)
    }
}

impl From<Members> for Vec<Member> {
    fn from(members: Members) -> Self {
        members.0
    }
}

fn is_name(name: &str) -> bool {
    (1..=MEMBER_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn check_unique(by_id: &[Member]) -> Result<(), RingError> {
    let mut names: Vec<&str> = by_id.iter().map(|member| member.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(RingError::DuplicateName {
            name: pair[0].into(),
        });
    }
    match by_id.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(RingError::DuplicateId { id: pair[0].id }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn member(name: &str, capacity: u32) -> Member {
        Member::new(name, "eu/a".parse().unwrap(), capacity)
    }

    fn refused(list: Vec<Member>) -> RingError {
        Members::new(list).unwrap_err()
    }

    #[test]
    fn a_list_is_in_the_order_of_ids() {
        let forth = Members::new(vec![member("a", 1), member("b", 0), member("c", 3)]).unwrap();
        let back = Members::new(vec![member("c", 3), member("b", 0), member("a", 1)]).unwrap();
        assert_eq!(forth, back);
        assert_eq!(forth.owners().count(), 2);
        for (index, member) in forth.iter() {
            assert_eq!(forth.index_of(member.id), Some(index));
            assert_eq!(forth.at(index), Some(member));
        }
        assert_eq!(forth.index_of(MemberId(7)), None);
    }

    #[test]
    fn a_wrong_list_is_refused_with_the_reason() {
        assert_eq!(refused(vec![]), RingError::NoCapacity);
        assert_eq!(refused(vec![member("a", 0)]), RingError::NoCapacity);
        assert_eq!(
            refused(vec![member("a", 1), member("a", 2)]),
            RingError::DuplicateName { name: "a".into() }
        );
        let twin = Member {
            id: MemberId::from_name("a"),
            ..member("b", 1)
        };
        assert_eq!(
            refused(vec![member("a", 1), twin]),
            RingError::DuplicateId {
                id: MemberId::from_name("a")
            }
        );
        for name in ["", "a b", "é", &"x".repeat(129)] {
            assert_eq!(
                refused(vec![member(name, 1)]),
                RingError::BadName { name: name.into() }
            );
        }
        let crowd = (0..=MEMBERS_MAX)
            .map(|i| member(&alloc::format!("m{i}"), 1))
            .collect();
        assert_eq!(
            refused(crowd),
            RingError::TooManyMembers {
                count: MEMBERS_MAX + 1
            }
        );
    }

    #[test]
    fn a_received_list_is_checked() {
        let bytes = postcard::to_allocvec(&vec![member("a", 1), member("a", 1)]).unwrap();
        assert!(postcard::from_bytes::<Members>(&bytes).is_err());
    }
}

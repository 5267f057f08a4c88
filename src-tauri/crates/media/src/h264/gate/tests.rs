//! Streams a gate must pass, and mutated ones it must survive.

use proptest::prelude::*;

use super::*;
use crate::h264::encode::{Config, Encoder, Profile};
use crate::test::Pattern;
use crate::{Timestamp, VideoEncoder};

/// Writes parameter sets bit by bit.
#[derive(Default)]
struct Writer {
    bits: Vec<bool>,
}

impl Writer {
    fn u(&mut self, count: u32, value: u32) -> &mut Self {
        self.bits.extend((0..count).rev().map(|at| value >> at & 1 == 1));
        self
    }

    fn ue(&mut self, value: u32) -> &mut Self {
        let code = value + 1;
        let len = 32 - code.leading_zeros();
        self.u(len - 1, 0).u(len, code)
    }

    /// The NAL unit, emulation prevention added.
    fn unit(&mut self, header: u8) -> Vec<u8> {
        self.u(1, 1);
        let mut out = vec![header];
        let mut zeros = 0;
        for byte in
            self.bits.chunks(8).map(|bits| (0..8).fold(0, |b, at| b << 1 | u8::from(bits.get(at) == Some(&true))))
        {
            if zeros == 2 && byte <= 3 {
                out.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            out.push(byte);
        }
        out
    }
}

/// A sequence of `across` x `down` macroblocks; the fields in between can be changed.
#[derive(Clone, Copy)]
struct Sequence {
    profile: u32,
    id: u32,
    references: u32,
    across: u32,
    down: u32,
    progressive: u32,
    crop: Option<[u32; 4]>,
}

const SEQUENCE: Sequence =
    Sequence { profile: 77, id: 0, references: 1, across: 80, down: 45, progressive: 1, crop: None };

fn sps(s: Sequence) -> Vec<u8> {
    let mut w = Writer::default();
    w.u(8, s.profile).u(8, 0).u(8, 31).ue(s.id);
    if s.profile == 100 {
        w.ue(1).ue(0).ue(0).u(1, 0).u(1, 0);
    }
    w.ue(0).ue(2).ue(s.references).u(1, 0).ue(s.across - 1).ue(s.down - 1).u(1, s.progressive).u(1, 1);
    match s.crop {
        Some(crop) => crop.iter().fold(w.u(1, 1), |w, side| w.ue(*side)),
        None => w.u(1, 0),
    };
    w.u(1, 0).unit(0x67)
}

fn pps(id: u32, sps: u32, slice_groups: u32) -> Vec<u8> {
    let mut w = Writer::default();
    w.ue(id).ue(sps).u(2, 0).ue(slice_groups).ue(0).ue(0).u(3, 0).ue(0).ue(0).ue(0).u(3, 0).unit(0x68)
}

fn slice(header: u8, first: u32, pps: u32) -> Vec<u8> {
    Writer::default().ue(first).ue(if header & 0x1f == 5 { 7 } else { 5 }).ue(pps).u(16, 0xabcd).unit(header)
}

fn unit(units: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    units.iter().for_each(|unit| annexb::push(&mut out, unit));
    out
}

fn keyframe(sequence: Sequence) -> Vec<u8> {
    unit(&[sps(sequence), pps(0, sequence.id, 0), slice(0x65, 0, 0)])
}

fn pass(gate: &mut Gate, data: &[u8]) -> Result<(Passed, Vec<u8>), Refused> {
    let mut out = Vec::new();
    gate.pass(data, &mut out).map(|passed| (passed, out))
}

fn picture(width: u32, height: u32, keyframe: bool, restart: bool) -> Passed {
    Passed::Picture { keyframe, size: Resolution::new(width, height), restart }
}

#[test]
fn main_is_shown_to_the_decoder_as_baseline_and_high_as_scalable_baseline() {
    for (profile, shown) in [(66, 66), (77, 66), (100, 83)] {
        let data = keyframe(Sequence { profile, ..SEQUENCE });
        let (passed, out) = pass(&mut Gate::default(), &data).unwrap();
        assert_eq!(passed, picture(1280, 720, true, true));
        let mut expected = data;
        expected[5] = shown;
        assert_eq!(out, expected);
    }
}

#[test]
fn other_profiles_and_features_are_refused() {
    let refused = |sequence| pass(&mut Gate::default(), &keyframe(sequence)).unwrap_err();
    for profile in [44, 83, 88, 110, 122, 244] {
        assert_eq!(refused(Sequence { profile, ..SEQUENCE }), Refused::Profile(profile as u8));
    }
    assert_eq!(refused(Sequence { references: 17, ..SEQUENCE }), Refused::Syntax);
    assert_eq!(refused(Sequence { progressive: 0, ..SEQUENCE }), Refused::Feature("interlaced pictures"));
    let groups = unit(&[sps(SEQUENCE), pps(0, 0, 1), slice(0x65, 0, 0)]);
    assert_eq!(pass(&mut Gate::default(), &groups).unwrap_err(), Refused::Feature("slice groups"));
    let partition = unit(&[sps(SEQUENCE), pps(0, 0, 0), slice(0x62, 0, 0)]);
    assert_eq!(pass(&mut Gate::default(), &partition).unwrap_err(), Refused::Feature("data partitions"));
}

#[test]
fn sizes_are_capped_and_cropped() {
    let size = |across, down, crop| {
        pass(&mut Gate::default(), &keyframe(Sequence { across, down, crop, ..SEQUENCE })).map(|(passed, _)| passed)
    };
    assert_eq!(size(120, 68, Some([0, 0, 0, 4])), Ok(picture(1920, 1080, true, true)));
    assert_eq!(size(68, 120, None), Ok(picture(1088, 1920, true, true)), "upright");
    assert_eq!(size(121, 68, None), Err(Refused::Size));
    assert_eq!(size(120, 69, None), Err(Refused::Size));
    assert_eq!(size(256, 256, None), Err(Refused::Size));
    assert_eq!(size(400, 4, None), Err(Refused::Syntax));
    assert_eq!(size(2, 2, Some([8, 7, 0, 0])), Ok(picture(2, 32, true, true)));
    assert_eq!(size(2, 2, Some([8, 8, 0, 0])), Err(Refused::Size), "nothing left");
    assert_eq!(size(2, 2, Some([0, 0, u32::MAX / 2, u32::MAX / 2])), Err(Refused::Size), "overflow");
}

#[test]
fn the_size_changes_with_a_keyframe_only() {
    let mut gate = Gate::default();
    assert_eq!(pass(&mut gate, &unit(&[slice(0x41, 0, 0)])), Err(Refused::NeedsKeyframe), "nothing known yet");
    pass(&mut gate, &keyframe(SEQUENCE)).unwrap();
    assert_eq!(pass(&mut gate, &unit(&[slice(0x41, 0, 0)])).unwrap().0, picture(1280, 720, false, false));
    assert_eq!(pass(&mut gate, &keyframe(SEQUENCE)).unwrap().0, picture(1280, 720, true, false));

    let small = Sequence { across: 40, down: 22, ..SEQUENCE };
    let smuggled = unit(&[sps(small), pps(0, 0, 0), slice(0x41, 0, 0)]);
    assert_eq!(pass(&mut gate, &smuggled), Err(Refused::NeedsKeyframe));
    assert_eq!(pass(&mut gate, &unit(&[slice(0x41, 0, 0)])).unwrap().0, picture(1280, 720, false, false), "no trace");
    assert_eq!(pass(&mut gate, &keyframe(small)).unwrap().0, picture(640, 352, true, true));
}

#[test]
fn parameter_sets_sent_ahead_come_with_the_keyframe() {
    let mut gate = Gate::default();
    assert_eq!(pass(&mut gate, &unit(&[sps(SEQUENCE)])).unwrap(), (Passed::Nothing, vec![]));
    assert_eq!(pass(&mut gate, &unit(&[pps(3, 0, 0)])).unwrap(), (Passed::Nothing, vec![]));
    let (passed, out) = pass(&mut gate, &unit(&[slice(0x65, 0, 3)])).unwrap();
    assert_eq!(passed, picture(1280, 720, true, true));
    assert_eq!(annexb::units(&out).map(annexb::kind_of).collect::<Vec<_>>(), [7, 8, 5]);
    // A further PPS is given out once.
    let (_, out) = pass(&mut gate, &unit(&[pps(4, 0, 0), slice(0x41, 0, 4)])).unwrap();
    assert_eq!(annexb::units(&out).map(annexb::kind_of).collect::<Vec<_>>(), [8, 1]);
    let (_, out) = pass(&mut gate, &unit(&[pps(4, 0, 0), slice(0x41, 0, 4)])).unwrap();
    assert_eq!(annexb::units(&out).map(annexb::kind_of).collect::<Vec<_>>(), [1]);
}

#[test]
fn parameter_sets_and_units_are_counted() {
    let four: Vec<_> = (0..4).map(|id| sps(Sequence { id, ..SEQUENCE })).collect();
    let mut gate = Gate::default();
    assert!(pass(&mut gate, &unit(&four)).is_ok());
    let nine: Vec<_> = (0..9).map(|id| pps(id, 0, 0)).collect();
    assert!(pass(&mut gate, &unit(&nine)).is_ok());
    assert_eq!(pass(&mut gate, &unit(&[slice(0x65, 0, 0)])), Err(Refused::NeedsKeyframe), "the oldest has gone");
    assert!(pass(&mut gate, &unit(&[slice(0x65, 0, 1)])).is_ok());
    assert!(pass(&mut gate, &unit(&[sps(Sequence { id: 4, ..SEQUENCE })])).is_ok());
    assert_eq!(pass(&mut gate, &unit(&[slice(0x65, 0, 1)])), Err(Refused::NeedsKeyframe), "and its sequence");
    assert_eq!(pass(&mut gate, &unit(&vec![vec![9, 16]; MAX_UNITS + 1])), Err(Refused::TooMany));
    assert_eq!(pass(&mut gate, &vec![0; MAX_ACCESS_UNIT + 1]), Err(Refused::TooMany));
}

#[test]
fn a_sender_may_count_up_the_ids_with_each_keyframe() {
    let mut gate = Gate::default();
    for keyframe in 0..100 {
        let (sequence, parameters) = (keyframe % 32, keyframe);
        let units =
            [sps(Sequence { id: sequence, ..SEQUENCE }), pps(parameters, sequence, 0), slice(0x65, 0, parameters)];
        let (passed, _) = pass(&mut gate, &unit(&units)).unwrap();
        assert!(matches!(passed, Passed::Picture { keyframe: true, .. }), "{keyframe}: {passed:?}");
        assert!(pass(&mut gate, &unit(&[slice(0x41, 0, parameters)])).is_ok());
    }
}

#[test]
fn everything_but_pictures_is_left_out_without_a_word() {
    let mut gate = Gate::default();
    let extras = [vec![9, 16], vec![6, 5, 1, 0], vec![12, 255], vec![14, 1, 1, 1], vec![20, 1, 1, 1], vec![0x7f, 1]];
    let mut units = vec![sps(SEQUENCE), pps(0, 0, 0)];
    units.extend(extras);
    units.push(slice(0x65, 0, 0));
    let (_, out) = pass(&mut gate, &unit(&units)).unwrap();
    assert_eq!(annexb::units(&out).map(annexb::kind_of).collect::<Vec<_>>(), [7, 8, 5]);
}

#[test]
fn slices_come_in_order_and_inside_the_picture() {
    let mut gate = Gate::default();
    pass(&mut gate, &keyframe(SEQUENCE)).unwrap();
    let slices = |firsts: &[u32]| unit(&firsts.iter().map(|first| slice(0x41, *first, 0)).collect::<Vec<_>>());
    assert!(pass(&mut gate, &slices(&[0, 80, 160])).is_ok());
    assert_eq!(pass(&mut gate, &slices(&[0, 160, 80])), Err(Refused::Feature("unordered slices")));
    assert_eq!(pass(&mut gate, &slices(&[0, 0])), Err(Refused::Feature("unordered slices")));
    assert_eq!(pass(&mut gate, &slices(&[3600])), Err(Refused::Syntax));
    let mixed = unit(&[slice(0x65, 0, 0), slice(0x41, 80, 0)]);
    assert_eq!(pass(&mut gate, &mixed), Err(Refused::Syntax));
}

/// A short real stream: keyframe and two others.
fn stream() -> Vec<Vec<u8>> {
    let resolution = Resolution::new(64, 48);
    let config = Config { resolution, bitrate: 200_000, profile: Profile::Main, ..Config::default() };
    let mut encoder = Encoder::new(config).unwrap();
    let mut pattern = Pattern::new(resolution, 30);
    (0..3)
        .filter_map(|n| encoder.encode(&pattern.frame(Timestamp::from_millis(n * 33)), false).unwrap())
        .map(|encoded| encoded.payload.to_vec())
        .collect()
}

#[test]
fn our_own_streams_pass() {
    let mut gate = Gate::default();
    for (number, data) in stream().iter().enumerate() {
        assert_eq!(pass(&mut gate, data).unwrap().0, picture(64, 48, number == 0, number == 0));
    }
}

proptest! {
    #[test]
    fn noise_never_panics(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut gate = Gate::default();
        let _ = pass(&mut gate, &data);
        let mut framed = vec![0, 0, 1, 0x67];
        framed.extend(&data);
        let _ = pass(&mut gate, &framed);
    }

    /// Flipped bits get through the gate or do not; neither it nor the decoder behind it falls over, and a good stream
    /// decodes afterwards.
    #[test]
    fn damaged_streams_never_panic(flips in proptest::collection::vec((0usize..3, 0usize..4096, 0u8..8), 1..12), cut in 0usize..4096) {
        prop_assert!(keyframe_is_shown_after(&flips, cut));
    }
}

#[test]
fn what_damage_leaves_in_the_decoder_does_not_cost_the_keyframe() {
    assert!(keyframe_is_shown_after(&[(2, 64, 7), (1, 200, 1), (2, 2713, 7), (2, 1747, 4)], 2860));
}

/// `flips`: access unit, byte, bit; `cut`: where the second access unit ends.
fn keyframe_is_shown_after(flips: &[(usize, usize, u8)], cut: usize) -> bool {
    use crate::{EncodedFrame, VideoDecoder};
    let good = stream();
    let mut bad = good.clone();
    for &(frame, at, bit) in flips {
        let data = &mut bad[frame];
        let at = at % data.len();
        data[at] ^= 1 << bit;
    }
    let at = cut % bad[1].len();
    bad[1].truncate(at);
    let mut decoder = crate::h264::Decoder::default();
    let mut decode = |data: &[u8]| {
        decoder.decode(&EncodedFrame { pts: Timestamp::ZERO, keyframe: false, payload: data.to_vec().into() })
    };
    for data in &bad {
        let _ = decode(data);
    }
    decode(&good[0]).is_ok_and(|shown| shown.is_some())
}

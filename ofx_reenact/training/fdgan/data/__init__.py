"""What FD-GAN is trained on: photographs → crops → pairs or faces → a set, one ``.npz`` file → batches.

In the order in which data passes through them (the command that runs it in brackets):

- ``cut_crops`` cuts upright faces out of photographs and clips (``data crops``); ``crop_set`` is their file.
- ``warped_pairs`` makes single pairs for the repair network with the warp that renders use: a photograph whose mouth
  was shut and opened again, beside the photograph itself; or one photograph of a person carried to another.
- ``rendered_pairs`` chooses pictures of rendered heads (``training/rendered_heads``) and makes pairs of them, likewise.
- ``pair_set`` is the file of all pairs: makes it of crops and rendered heads (``data pairs``), reads it, and gives the
  repair recipe its batches.
- ``face_set`` is the file of whole faces: makes it of crops and of further views by the warp (``data faces``), reads
  it, and gives the portrait recipe its batches: two views of one person.

Below them: ``packed_pictures`` holds the encoded pictures of a set; ``resumable`` makes a file in several processes and
keeps the parts, so that a second call continues.
"""
